import { defineConfig } from 'vite';

const cubby = { target: process.env.CUBBY_URL ?? 'http://127.0.0.1:8080', ws: true };

export default defineConfig({
    esbuild: { jsx: 'automatic' },
    resolve: { dedupe: ['react'] }, // the hooks are to use the app's React, wherever the package lies
    optimizeDeps: { exclude: ['cubby-client'] }, // it brings a worker of its own
    server: { proxy: Object.fromEntries(['/api', '/data', '/rpc', '/ws', '/realtime', '/publish'].map((path) => [path, cubby])) },
});
