/** The statements that bring a store from the version of their index to the next. Never changed once released. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE identity (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch INTEGER NOT NULL,
    instance TEXT NOT NULL,
    revision INTEGER NOT NULL,
    superseded TEXT
  ) STRICT;
  CREATE TABLE awaiting (host TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE holds (
    id TEXT PRIMARY KEY,
    targets TEXT NOT NULL,
    selector TEXT NOT NULL,
    exceptions TEXT NOT NULL,
    members TEXT NOT NULL,
    owner TEXT NOT NULL,
    message TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    remaining_ms INTEGER,
    as_of_ms INTEGER,
    rush_at_ms INTEGER,
    orphan INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE released (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE owed_undrain (seat TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  `,
]

export const statements = {
  claim: 'SELECT epoch, instance, revision, superseded FROM identity',
  putClaim: `INSERT INTO identity (only_row, epoch, instance, revision, superseded)
    VALUES (1, :epoch, :instance, :revision, :superseded)
    ON CONFLICT (only_row) DO UPDATE SET epoch = excluded.epoch, instance = excluded.instance,
      revision = excluded.revision, superseded = excluded.superseded`,
  holds: 'SELECT * FROM holds',
  putHold: `INSERT OR REPLACE INTO holds (id, targets, selector, exceptions, members, owner, message, since_ms,
    boot_id, remaining_ms, as_of_ms, rush_at_ms, orphan) VALUES (:id, :targets, :selector, :exceptions, :members, :owner, :message,
    :since_ms, :boot_id, :remaining_ms, :as_of_ms, :rush_at_ms, :orphan)`,
  dropHold: 'DELETE FROM holds WHERE id = ?',
  released: 'SELECT id FROM released',
  putReleased: 'INSERT OR IGNORE INTO released (id) VALUES (?)',
  awaiting: 'SELECT host FROM awaiting',
  clearAwaiting: 'DELETE FROM awaiting',
  putAwaiting: 'INSERT INTO awaiting (host) VALUES (?)',
  owed: 'SELECT seat FROM owed_undrain',
  putOwed: 'INSERT OR IGNORE INTO owed_undrain (seat) VALUES (?)',
  dropOwed: 'DELETE FROM owed_undrain WHERE seat = ?',
} as const
