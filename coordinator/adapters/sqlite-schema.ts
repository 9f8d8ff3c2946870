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
  `
  CREATE TABLE rollout_counter (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), next INTEGER NOT NULL) STRICT;
  CREATE TABLE rollouts (
    id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    boot_id TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE runs (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    rollout TEXT NOT NULL REFERENCES rollouts (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (rollout, host)
  ) STRICT;
  CREATE TABLE rollout_events (
    seq INTEGER PRIMARY KEY,
    rollout TEXT NOT NULL REFERENCES rollouts (id) ON DELETE CASCADE,
    host TEXT,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_of_rollout ON rollout_events (rollout, seq);
  CREATE INDEX events_of_host ON rollout_events (host, seq);
  CREATE TABLE fleet_locks (id TEXT PRIMARY KEY, budget TEXT NOT NULL, since_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE job_log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    rollout TEXT NOT NULL REFERENCES rollouts (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    job TEXT NOT NULL,
    stream TEXT NOT NULL,
    cursor TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (job, stream, cursor)
  ) STRICT;
  CREATE INDEX log_of_rollout ON job_log (rollout, host, seq);
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

export const rolloutStatements = {
  counter: 'SELECT next FROM rollout_counter',
  putCounter: `INSERT INTO rollout_counter (only_row, next) VALUES (1, ?)
    ON CONFLICT (only_row) DO UPDATE SET next = excluded.next`,
  rollouts: 'SELECT boot_id, body FROM rollouts ORDER BY number',
  // Never replaced: that would delete the rows that refer to it.
  putRollout: `INSERT INTO rollouts (id, number, boot_id, body) VALUES (:id, :number, :boot_id, :body)
    ON CONFLICT (id) DO UPDATE SET boot_id = excluded.boot_id, body = excluded.body`,
  dropRollout: 'DELETE FROM rollouts WHERE id = ?',
  runs: 'SELECT boot_id, body FROM runs ORDER BY position',
  putRun: `INSERT INTO runs (rollout, host, boot_id, body) VALUES (:rollout, :host, :boot_id, :body)
    ON CONFLICT (rollout, host) DO UPDATE SET boot_id = excluded.boot_id, body = excluded.body`,
  lastEvent: 'SELECT max(seq) AS seq FROM rollout_events',
  putEvent: 'INSERT INTO rollout_events (seq, rollout, host, body) VALUES (:seq, :rollout, :host, :body)',
  eventsOfRollout: 'SELECT body FROM rollout_events WHERE rollout = ? AND seq > ? ORDER BY seq LIMIT ?',
  eventsOfHost:
    'SELECT body FROM (SELECT seq, body FROM rollout_events WHERE host = ? ORDER BY seq DESC LIMIT ?) ORDER BY seq',
  locks: 'SELECT id, budget, since_ms FROM fleet_locks',
  putLock: 'INSERT OR REPLACE INTO fleet_locks (id, budget, since_ms) VALUES (:id, :budget, :since_ms)',
  dropLock: 'DELETE FROM fleet_locks WHERE id = ?',
  logCursor: 'SELECT cursor FROM job_log WHERE job = ? AND stream = ? ORDER BY seq DESC LIMIT 1',
  logCount: 'SELECT count(*) AS lines FROM job_log WHERE job = ? AND stream = ?',
  putLogLine: `INSERT OR IGNORE INTO job_log (rollout, host, job, stream, cursor, at_ms, text)
    VALUES (:rollout, :host, :job, :stream, :cursor, :at_ms, :text)`,
  logLines: `SELECT seq, at_ms AS atMs, host, stream, text FROM job_log
    WHERE rollout = :rollout AND seq > :after AND (:host IS NULL OR host = :host)
      AND (:stream IS NULL OR stream = :stream) ORDER BY seq LIMIT :limit`,
  lastLogLines: `SELECT * FROM (SELECT seq, at_ms AS atMs, host, stream, text FROM job_log
    WHERE rollout = :rollout AND seq > :after AND (:host IS NULL OR host = :host)
      AND (:stream IS NULL OR stream = :stream) ORDER BY seq DESC LIMIT :limit) ORDER BY seq`,
} as const
