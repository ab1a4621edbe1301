// Chromium, quiet, for the tests in tests/e2e.

import { chromium } from 'playwright-core';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
    '--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'];

export const startBrowser = () => chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
