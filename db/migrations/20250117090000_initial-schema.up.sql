-- The backend's first schema: who may log in, with which sessions, and what was done.
-- It is also the model for later migrations: named constraints, an index for every foreign key, a comment on every table.

CREATE FUNCTION public.set_updated_at() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = ''
AS $$
BEGIN
  NEW.updated_at := pg_catalog.now();
  RETURN NEW;
END
$$;

COMMENT ON FUNCTION public.set_updated_at() IS 'Keeps updated_at true on every UPDATE';

CREATE TABLE public.users (
  id            uuid        NOT NULL DEFAULT gen_random_uuid(),
  email         text        NOT NULL,
  display_name  text        NOT NULL,
  password_hash text        NOT NULL,
  role          text        NOT NULL DEFAULT 'member',
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  deactivated_at timestamptz,
  CONSTRAINT users_pkey PRIMARY KEY (id),
  CONSTRAINT users_email_shape CHECK (email LIKE '%_@_%' AND length(email) <= 320),
  CONSTRAINT users_display_name_length CHECK (length(display_name) BETWEEN 1 AND 200),
  CONSTRAINT users_role_known CHECK (role IN ('member', 'admin'))
);

COMMENT ON TABLE public.users IS 'People who can log in';
COMMENT ON COLUMN public.users.password_hash IS 'Argon2id, with its parameters; never the password';
COMMENT ON COLUMN public.users.deactivated_at IS 'Set when the account was closed; the row stays for the audit trail';

CREATE UNIQUE INDEX users_email_key ON public.users (lower(email));

CREATE TRIGGER users_set_updated_at
  BEFORE UPDATE ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();

CREATE TABLE public.refresh_tokens (
  id         uuid        NOT NULL DEFAULT gen_random_uuid(),
  user_id    uuid        NOT NULL,
  token_hash bytea       NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  CONSTRAINT refresh_tokens_pkey PRIMARY KEY (id),
  CONSTRAINT refresh_tokens_token_hash_key UNIQUE (token_hash),
  CONSTRAINT refresh_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users (id) ON DELETE CASCADE,
  CONSTRAINT refresh_tokens_expires_later CHECK (expires_at > created_at)
);

COMMENT ON TABLE public.refresh_tokens IS 'One row per device that stays logged in';
COMMENT ON COLUMN public.refresh_tokens.token_hash IS 'SHA-256 of the token; the token itself is only with the client';

CREATE INDEX refresh_tokens_user_id_idx ON public.refresh_tokens (user_id);
CREATE INDEX refresh_tokens_expires_at_idx ON public.refresh_tokens (expires_at) WHERE revoked_at IS NULL;

CREATE TABLE public.audit_events (
  id          bigint      GENERATED ALWAYS AS IDENTITY,
  occurred_at timestamptz NOT NULL DEFAULT now(),
  actor_id    uuid,
  action      text        NOT NULL,
  subject     text        NOT NULL,
  details     jsonb       NOT NULL DEFAULT '{}',
  CONSTRAINT audit_events_pkey PRIMARY KEY (id),
  CONSTRAINT audit_events_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT audit_events_details_object CHECK (jsonb_typeof(details) = 'object')
);

COMMENT ON TABLE public.audit_events IS 'Who did what to which subject; rows are only added';
COMMENT ON COLUMN public.audit_events.actor_id IS 'Null when the system acted, or when the account is gone';

CREATE INDEX audit_events_actor_id_idx ON public.audit_events (actor_id, occurred_at DESC);
CREATE INDEX audit_events_subject_idx ON public.audit_events (subject, occurred_at DESC);
