<?php
// A guestbook in plain PHP: entries are lines of a file. What one visitor writes appears in every
// open browser, by the line marked LIVE and the script at the end of the page.
//
// Environment: GUESTBOOK_FILE, and that of live.php.

require __DIR__ . '/live.php';

const SHOWN = 50;

function entries_html($file): string
{
    rewind($file);
    $lines = array_slice(explode("\n", trim(stream_get_contents($file))), -SHOWN);
    $html = '';
    foreach (array_reverse(array_filter($lines)) as $line) {
        $entry = json_decode($line, true);
        $html .= '<li><b>' . htmlspecialchars($entry['name']) . '</b>: '
            . htmlspecialchars($entry['text']) . "</li>\n";
    }
    return "<ul data-live=\"entries\">\n$html</ul>\n";
}

function field(string $name): string
{
    return substr(trim((string) ($_POST[$name] ?? '')), 0, 500);
}

$file = fopen(getenv('GUESTBOOK_FILE') ?: '/var/lib/guestbook/entries', 'c+');

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $entry = ['name' => field('name'), 'text' => field('text')];
    if ($entry['text'] !== '') {
        // The lock is held until browsers are told: they see entries in the order of the file.
        flock($file, LOCK_EX);
        fseek($file, 0, SEEK_END);
        fwrite($file, json_encode($entry, JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
        live_render('/guestbook.php', entries_html($file)); // LIVE
        flock($file, LOCK_UN);
    }
    header('Location: guestbook.php', true, 303);
    exit;
}

header('Content-Type: text/html; charset=utf-8');
flock($file, LOCK_SH);
?>
<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width">
<title>Guestbook</title>
<h1>Guestbook</h1>
<form method="post" action="guestbook.php">
    <label>Name <input name="name" maxlength="100" required></label>
    <label>Text <input name="text" maxlength="500" required></label>
    <button>Write</button>
</form>
<?= entries_html($file) ?>
<script type="module" src="/js/live.js"></script>
