// Takes the README's picture, of the real page with the demo's data: node tests/picture.mjs FILE
// Ada's desk, while Grace, in another window, has selected some words and is typing.

import { execFileSync } from 'node:child_process';
import { startBrowser } from './lib/browser.mjs';
import { ROOT, Stack } from './lib/stack.mjs';

const SIZE = { width: 1360, height: 1010 };
const PASSWORD = 'correct horse battery';

async function signIn(browser, stack, email) {
    const page = await (await browser.newContext({ viewport: SIZE })).newPage();
    await page.goto(stack.origin);
    await page.locator('#account-email').fill(email);
    await page.locator('#account-password').fill(PASSWORD);
    await page.locator('#account-submit').click();
    await page.locator('#connection[data-state=live]').waitFor();
    return page;
}

const stack = await new Stack().start();
const browser = await startBrowser();
try {
    execFileSync(`${ROOT}/apache-conf/demo.sh`, ['seed', stack.origin]);
    const ada = await signIn(browser, stack, 'ada@example.org');
    const grace = await signIn(browser, stack, 'grace@example.org');
    await ada.getByRole('list', { name: 'Who is here' }).getByText('grace', { exact: true }).waitFor();
    await grace.locator('#talk-text').fill('Found it! It was a moth.');
    await grace.locator('#talk-text').press('Enter');
    await grace.locator('#room-text').evaluate((text) => {
        text.focus();
        text.setSelectionRange(text.value.indexOf('written once'), text.value.indexOf(', and told'));
    });
    await ada.getByText('grace has selected').waitFor();
    await grace.locator('#talk-text').pressSequentially('I will');
    await ada.locator('#typing').getByText('grace is typing').waitFor();
    await ada.evaluate(() => document.activeElement.blur());
    await ada.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
    await ada.screenshot({ path: process.argv[2] });
} finally {
    await browser.close();
    await stack.stop();
}
