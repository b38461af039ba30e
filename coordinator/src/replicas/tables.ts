/** What replicas keep in PostgreSQL beside what `storage` does; all of it is of those that live. */

/** What a lease is kept in. Its one row is written by whoever holds the lock. */
export const leaseTable = `
  CREATE TABLE lease (
    id integer PRIMARY KEY CHECK (id = 1), replica text NOT NULL, pid integer NOT NULL, renewed timestamptz NOT NULL
  );
`;

/** In what the adapter keeps payloads that are too large for a notification, for half a minute. */
export const payloadTable = `
  CREATE TABLE socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT now(), payload bytea);
`;
