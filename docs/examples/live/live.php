<?php
// Makes a PHP page live: live_render() tells Cubby, on this host, that the page has changed.
//
// Environment: CUBBY_JWT_SECRET, the secret of Cubby's settings; CUBBY_URL, where Cubby answers.

// A backend token: whoever holds the secret can make one. It is good for a minute.
function live_token(string $secret): string
{
    $encode = fn (string $bytes) => rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    $text = $encode('{"alg":"HS256","typ":"JWT"}') . '.'
        . $encode(json_encode(['sub' => 'php', 'exp' => time() + 60]));
    return $text . '.' . $encode(hash_hmac('sha256', $text, $secret, true));
}

// Every browser that shows the page with this key puts the data-live elements of $html in place of
// its own; without $html it fetches the page again and does the same. False: nobody was told. The
// page works as ever then, it is just not live.
function live_render(string $key, ?string $html = null): bool
{
    $body = $html === null ? ['key' => $key] : ['key' => $key, 'html' => $html];
    $answer = @file_get_contents(
        (getenv('CUBBY_URL') ?: 'http://127.0.0.1:8080') . '/live/render',
        false,
        stream_context_create(['http' => [
            'method' => 'POST',
            'header' => [
                'Content-Type: application/json',
                'Authorization: Bearer ' . live_token((string) getenv('CUBBY_JWT_SECRET')),
            ],
            'content' => json_encode($body, JSON_INVALID_UTF8_SUBSTITUTE),
            'timeout' => 2,
        ]])
    );
    return $answer !== false;
}
