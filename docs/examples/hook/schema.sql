-- What hook.php writes to.

CREATE TABLE todo (
    user_id CHAR(32) CHARACTER SET ascii NOT NULL,
    id VARCHAR(64) CHARACTER SET ascii NOT NULL,
    title TEXT CHARACTER SET utf8mb4 NOT NULL,
    completed BOOLEAN NOT NULL,
    PRIMARY KEY (user_id, id)
);

-- The webhook-id of everything that was taken. Old ones can go: DELETE … WHERE at < NOW() - INTERVAL 30 DAY
CREATE TABLE hook_seen (
    id VARCHAR(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    KEY (at)
);

-- Users whose rows are to be read anew through Cubby's API: some of their events are missing.
CREATE TABLE hook_stale (
    user_id CHAR(32) CHARACTER SET ascii NOT NULL PRIMARY KEY
);
