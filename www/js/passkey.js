// Passkeys: between the server's JSON (base64url) and the browser's buffers.

const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

const descriptor = (credential) => ({ ...credential, id: bytes(credential.id) });

const asJson = (credential, response) => ({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: { clientDataJSON: text(credential.response.clientDataJSON), ...response },
});

// What the browser objects to, in words.
async function ask(work) {
    if (!window.PublicKeyCredential) throw new Error('This browser knows no passkeys here.');
    try {
        return await work();
    } catch (error) {
        throw new Error({
            InvalidStateError: 'This device has a passkey of this account already.',
            NotAllowedError: 'No passkey was used.',
            SecurityError: 'Passkeys need a host name: open this page by one, as localhost, not by a number.',
        }[error.name] ?? 'The passkey did not work.');
    }
}

export const makePasskey = (options) => ask(async () => {
    const made = await navigator.credentials.create({ publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: options.excludeCredentials?.map(descriptor) ?? [],
    } });
    return asJson(made, {
        attestationObject: text(made.response.attestationObject),
        transports: made.response.getTransports?.() ?? [],
    });
});

export const askPasskey = (options) => ask(async () => {
    const used = await navigator.credentials.get({ publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        allowCredentials: options.allowCredentials?.map(descriptor) ?? [],
    } });
    return asJson(used, {
        authenticatorData: text(used.response.authenticatorData),
        signature: text(used.response.signature),
        userHandle: used.response.userHandle ? text(used.response.userHandle) : null,
    });
});
