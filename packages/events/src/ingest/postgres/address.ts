/** Addresses of PostgreSQL databases, which may hold a password. */

export const isPostgres = (address: string) => /^postgres(ql)?:\/\//i.test(address);

/** Forms of addresses that hold a password: `scheme://user:password@…`, `…?password=…`, `host=… password=…`. */
export const holdsPassword = (address: string) => /:[^@]*@|password\s*=/i.test(address);

/** `postgres://user@host:port/database` of an address that holds more. */
export function withoutPassword(address: string): string {
  try {
    const { username, host, pathname } = new URL(address);
    return `postgres://${username === "" ? "" : `${username}@`}${host}${pathname}`;
  } catch {
    return "postgres://…";
  }
}
