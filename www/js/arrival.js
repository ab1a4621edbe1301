// Back from an OpenID provider: what came of it stands in the address, is said once, and goes.

import { toast } from './dom.js';

const SENTENCES = {
    access_denied: 'The sign-in was ended at the provider.',
    account_unverified: 'The address of this account was never verified: do that first, or set a new password by mail.',
    already_linked: 'The account has another identity of this provider already.',
    busy: 'Too many are signing in. Try again in a moment.',
    email_unverified: 'The provider does not vouch for an e-mail address.',
    identity_taken: 'This identity belongs to another account.',
    invalid_token: 'The sign-in took too long or was begun in another window. Try again.',
    provider_failed: 'The provider does not answer as it should. Try again later.',
    rate_limited: 'Too many attempts. Try again in a minute.',
    unauthorized: 'Sign in first.',
};

export function sayArrival() {
    const address = new URL(location.href);
    const error = address.searchParams.get('error');
    const linked = address.searchParams.get('linked');
    if (error === null && linked === null) return;
    toast(error === null ? `${linked} is linked to your account.` : SENTENCES[error] ?? 'The sign-in failed.');
    address.searchParams.delete('error');
    address.searchParams.delete('linked');
    history.replaceState(null, '', address);
}
