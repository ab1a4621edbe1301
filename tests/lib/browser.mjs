// Chromium, quiet, for the tests in tests/e2e.

import { chromium } from 'playwright-core';

// A page that a test made up has no address, and is not let near those of this host without being asked.
const FLAGS = ['--disable-features=LocalNetworkAccessChecks',
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
    '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'];

const OPTIONS = { executablePath: '/usr/bin/chromium', args: FLAGS };

export const startBrowser = () => chromium.launch(OPTIONS);

// A browser that finds its storage again in the folder; resolves to its context.
export const startBrowserIn = (folder) => chromium.launchPersistentContext(folder, OPTIONS);
