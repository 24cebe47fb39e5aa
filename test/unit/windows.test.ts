// What differs on Windows, where nothing is run: paths as they are shown and compared, and what PostgreSQL's programs get.
import { posix, win32 } from 'node:path';
import { expect } from 'chai';
import { shownPath } from '../../scripts/base/paths.ts';
import { exportLine } from '../../scripts/base/shell-word.ts';
import { passfileOf } from '../../scripts/connection/login.ts';
import { serverEnvironment, shellUnsafe } from '../../scripts/devserver/account.ts';
import { isSameFolder } from '../../scripts/devserver/postmaster.ts';

describe('On Windows', () => {
  it('paths are shown with slashes, as git and GitHub write them; elsewhere a backslash is a letter', () => {
    const file = 'C:\\shop\\db\\migrations\\20250101000000_one.up.sql';
    expect(shownPath('C:\\shop', file, win32)).to.equal('db/migrations/20250101000000_one.up.sql');
    expect(shownPath('C:\\shop', 'C:\\shop', win32)).to.equal('');
    expect(shownPath('C:\\shop\\api', 'C:\\shop\\db', win32)).to.equal('../db');
    expect(shownPath('/shop', '/shop/d\\b/one.sql', posix)).to.equal('d\\b/one.sql');
  });

  it('a path is safe for pg_ctl with its backslashes, and the data folder is known by the slashes of its file', () => {
    expect(shellUnsafe('C:\\Users\\An Other\\shop', 'win32')).to.equal(false);
    expect(shellUnsafe('C:\\%TEMP%\\shop', 'win32')).to.equal(true);
    expect(shellUnsafe('/home/a\\b', 'linux')).to.equal(true);
    expect(
      isSameFolder(
        'C:/shop/.postgres/development/cluster',
        'c:\\shop\\.postgres\\development\\cluster',
        'win32',
      ),
    ).to.equal(true);
    expect(isSameFolder('C:/other/cluster', 'C:\\shop\\cluster', 'win32')).to.equal(false);
    expect(isSameFolder('/SHOP/cluster', '/shop/cluster', 'linux')).to.equal(false);
    expect(isSameFolder(undefined, 'C:\\shop', 'win32')).to.equal(false);
  });

  it('passwords are looked for where libpq does', () => {
    const env = { HOME: '/home/ada', APPDATA: 'C:\\Users\\ada\\AppData\\Roaming' };
    expect(passfileOf(env, 'win32')).to.equal('C:\\Users\\ada\\AppData\\Roaming\\postgresql\\pgpass.conf');
    expect(passfileOf(env, 'linux')).to.equal('/home/ada/.pgpass');
    expect(passfileOf({ HOME: '/home/ada' }, 'win32')).to.match(/\.pgpass$/);
  });

  it('the line that gives a database to an application is PowerShell’s', () => {
    const [url, file] = ['postgres://postgres@127.0.0.1:5432/app', "C:\\Users\\O'Neil\\superuser.password"];
    expect(exportLine(url, file, 'win32')).to.equal(
      `$env:DATABASE_URL = '${url}'; $env:PGPASSWORD = Get-Content 'C:\\Users\\O''Neil\\superuser.password'`,
    );
    expect(exportLine(url, '/a b/superuser.password', 'linux')).to.equal(
      `export DATABASE_URL=${url} PGPASSWORD="$(cat '/a b/superuser.password')"`,
    );
  });

  it('the server’s programs get what Windows needs to open sockets and shells, and no PG variable', () => {
    expect(serverEnvironment('win32')).to.have.all.keys(
      'PATH',
      'LC_ALL',
      'TZ',
      'SystemRoot',
      'ComSpec',
      'TEMP',
      'TMP',
    );
    expect(serverEnvironment('linux')).to.have.all.keys('PATH', 'LC_ALL', 'TZ');
  });
});
