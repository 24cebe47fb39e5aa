// libpq's keywords and variables: which are followed, which only with the values that mean what we do anyway.
// https://www.postgresql.org/docs/16/libpq-connect.html#LIBPQ-PARAMKEYWORDS

/** Keywords that are followed, with the variable that stands for each where there is one. */
export const followed: Readonly<Record<string, string | null>> = {
  host: 'PGHOST',
  port: 'PGPORT',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  dbname: 'PGDATABASE',
  passfile: 'PGPASSFILE',
  options: 'PGOPTIONS',
  application_name: 'PGAPPNAME',
  fallback_application_name: null,
  connect_timeout: 'PGCONNECT_TIMEOUT',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslpassword: null,
  sslcrl: 'PGSSLCRL',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
  channel_binding: 'PGCHANNELBINDING',
  require_auth: 'PGREQUIREAUTH',
  keepalives: null,
};

/** Keywords whose listed values are what we do anyway; every other value is refused. */
export const limited: Readonly<
  Record<string, readonly [variable: string | null, values: readonly string[]]>
> = {
  hostaddr: ['PGHOSTADDR', []],
  service: ['PGSERVICE', []],
  sslcrldir: ['PGSSLCRLDIR', []],
  sslcompression: ['PGSSLCOMPRESSION', ['0']],
  sslsni: ['PGSSLSNI', ['1']],
  sslcertmode: ['PGSSLCERTMODE', ['allow']],
  sslnegotiation: ['PGSSLNEGOTIATION', ['postgres']],
  requiressl: ['PGREQUIRESSL', ['0']],
  requirepeer: ['PGREQUIREPEER', []],
  gssencmode: ['PGGSSENCMODE', ['disable', 'prefer']],
  krbsrvname: ['PGKRBSRVNAME', ['postgres']],
  gsslib: ['PGGSSLIB', ['gssapi']],
  gssdelegation: ['PGGSSDELEGATION', ['0']],
  load_balance_hosts: ['PGLOADBALANCEHOSTS', ['disable']],
  min_protocol_version: ['PGMINPROTOCOLVERSION', ['3.0']],
  max_protocol_version: ['PGMAXPROTOCOLVERSION', ['3.0', 'latest']],
  client_encoding: ['PGCLIENTENCODING', ['auto', 'utf8', 'utf-8', 'unicode']],
  replication: [null, ['false', 'off', 'no', '0']],
  keepalives_idle: [null, ['0']],
  keepalives_interval: [null, ['0']],
  keepalives_count: [null, ['0']],
  tcp_user_timeout: [null, ['0']],
  // Of libpq 18 and 19: keys and logins that pg has not.
  servicefile: [null, []],
  scram_client_key: [null, []],
  scram_server_key: [null, []],
  oauth_issuer: [null, []],
  oauth_client_id: [null, []],
  oauth_client_secret: [null, []],
  oauth_scope: [null, []],
  sslkeylogfile: [null, []],
};

/** Where libpq looks for what a service says. Alone they change nothing there, and here no service is followed. */
export const serviceVariables = ['PGSERVICEFILE', 'PGSYSCONFDIR'] as const;

/** Variables of libpq that change neither where nor how it connects: messages, and debugging of a login that we refuse. */
export const withoutEffect: readonly string[] = ['PGLOCALEDIR', 'PGOAUTHDEBUG', 'PGOAUTHCAFILE'];

/** What a variable that begins so would say of a connection is never to be passed over, whoever made the name up. */
export const families = /^PG(?:(?:SSL|GSS|KRB|OAUTH|REQUIRE|CHANNEL|SCRAM)[A-Z]+|REALM)$/;

/** Variables of libpq that set a session's settings rather than a parameter of the connection. */
export const settingVariables = { PGTZ: 'TimeZone', PGDATESTYLE: 'DateStyle', PGGEQO: 'geqo' } as const;

/** Every variable that says where and how to connect. */
export const connectionVariables: ReadonlySet<string> = new Set(
  [
    'DATABASE_URL',
    ...serviceVariables,
    ...Object.values(followed),
    ...Object.values(limited).map(([variable]) => variable),
    ...Object.keys(settingVariables),
  ].filter((name) => name !== null),
);
