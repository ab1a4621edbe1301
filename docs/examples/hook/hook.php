<?php
// Takes Cubby's webhooks and keeps everybody's todos in a table of MySQL or MariaDB: docs/webhooks.md.
//
// In the environment: CUBBY_WEBHOOK_SECRET, as Cubby has it (one or several); HOOK_DSN, HOOK_USER and
// HOOK_PASSWORD of the database, such as mysql:unix_socket=/run/mysqld/mysqld.sock;dbname=hook.
declare(strict_types=1);

const TOLERANCE_S = 300; // a request older or newer than that was recorded, or a clock is wrong

function answer(int $status, string $text = ''): never
{
    http_response_code($status);
    header('Content-Type: text/plain');
    exit($text);
}

// Compares in constant time; every key is tried, so that one can take the place of another.
function is_signed(string $id, string $timestamp, string $body, string $signatures): bool
{
    $good = false;
    if ($id === '' || !ctype_digit($timestamp) || abs(time() - (int) $timestamp) > TOLERANCE_S)
        return false;
    foreach (preg_split('/[\s,]+/', (string) getenv('CUBBY_WEBHOOK_SECRET'), -1, PREG_SPLIT_NO_EMPTY) as $secret) {
        $key = base64_decode(substr($secret, strlen('whsec_')), true);
        if ($key === false || strlen($key) < 24)
            continue;
        $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
        foreach (explode(' ', $signatures) as $signature)
            $good = hash_equals($expected, $signature) || $good;
    }
    return $good;
}

function run(PDO $db, string $sql, array $values): int
{
    $statement = $db->prepare($sql);
    $statement->execute($values);
    return $statement->rowCount();
}

// Events of one user come in order, and each again until it was taken.
function apply(PDO $db, array $event): void
{
    $user = $event['space']['id'] ?? '';
    $data = $event['data'];
    switch ($event['type']) {
    case 'table:todos:create':
    case 'table:todos:update':
        run($db, 'INSERT INTO todo(user_id, id, title, completed) VALUES(?, ?, ?, ?)
            ON DUPLICATE KEY UPDATE title = VALUES(title), completed = VALUES(completed)',
            [$user, $data['id'], $data['title'], (int) ($data['completed'] ?? false)]);
        break;
    case 'table:todos:delete':
        run($db, 'DELETE FROM todo WHERE user_id = ? AND id = ?', [$user, $data['id']]);
        break;
    case 'webhook:gap': // events are missing: the user is no more, or is to be read anew
        if ($data['reason'] === 'deleted')
            run($db, 'DELETE FROM todo WHERE user_id = ?', [$user]);
        else
            run($db, 'INSERT IGNORE INTO hook_stale(user_id) VALUES(?)', [$user]);
        break;
    }
}

$id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
$body = (string) file_get_contents('php://input');
if (!is_signed($id, $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '', $body, $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? ''))
    answer(401, "The signature is missing or wrong\n");

try {
    $db = new PDO((string) getenv('HOOK_DSN'), getenv('HOOK_USER') ?: null, getenv('HOOK_PASSWORD') ?: null,
        [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => false]);
    // What was seen and what came of it are one commit: a double changes nothing.
    $db->beginTransaction();
    if (run($db, 'INSERT INTO hook_seen(id) VALUES(?) ON DUPLICATE KEY UPDATE id = id', [$id]) === 1)
        apply($db, json_decode($body, true, 64, JSON_THROW_ON_ERROR));
    $db->commit();
} catch (Throwable $e) {
    error_log($e->getMessage());
    answer(503, "Later\n"); // Cubby sends it again
}
answer(204);
