/** Where the server is looked for, and what the user is told when it is not there or does not work. */

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEditor, SERVER, until } from './editor.mjs';

const NO_SERVER = { PATH: '/usr/bin:/bin' };

test('with no server there is one message, and its button says how to install', async () => {
    const editor = await openEditor({ machine: {}, env: NO_SERVER });
    try {
        await editor.open('inventory/items.py');
        const toast = await editor.notification('not installed');
        await editor.screenshot('not-installed');
        await toast.getByText('How to Install').click();
        await editor.page.locator('.tab.active[data-resource-name="install.txt"]').waitFor();
        await until(async () => (await editor.lines()).some((line) => line.includes('fairlead.server.path')), 'the page');
        await editor.screenshot('how-to-install');
        await editor.closeTab();
        assert.match(await editor.languageStatus(), /error/);

        // Naming it in the settings starts it, with nothing else to do.
        await editor.settings({ machine: { 'fairlead.server.path': SERVER } });
        await editor.waitState('ready');
    } finally {
        await editor.close();
    }
});

test('the environment names a server, and the settings one that is no program', async () => {
    const editor = await openEditor({ machine: { 'fairlead.server.path': '/nowhere/fairlead' }, env: { ...NO_SERVER, FAIRLEAD_SERVER: SERVER } });
    try {
        await editor.open('inventory/items.py');
        await editor.notification('"/nowhere/fairlead", which is not a program');
        await editor.settings({ machine: {} });
        const page = await editor.waitState('ready');
        assert.match(page, /Found by +environment variable FAIRLEAD_SERVER/);
    } finally {
        await editor.close();
    }
});

test('a server that ends at once, or never answers, leaves an editor that works and can be told to try again', async () => {
    let server;
    const say = (body) => {
        writeFileSync(server, `#!/bin/sh\n${body}\n`);
        chmodSync(server, 0o755);
    };
    const editor = await openEditor({
        prepare: (workspace) => {
            server = join(workspace, '../server');
            say('echo "no module named torch" >&2; exit 3');
        },
        machine: (workspace) => ({ 'fairlead.server.path': join(workspace, '../server') }),
    });
    try {
        await editor.open('inventory/items.py');
        await editor.notification('did not start: it ended with code 3: no module named torch');
        assert.equal(await editor.page.locator('.notification-toast').count(), 1);
        await editor.screenshot('did-not-start');
        say('trap "" TERM; while :; do sleep 1; done');
        await editor.command('fairlead: Restart Server');
        await until(() => editor.log().match(/starting \S+server serve/g)?.length === 2, 'the second start');
        say(`exec "${SERVER}" "$@"`);
        await editor.command('fairlead: Restart Server');
        await editor.waitState('ready');
    } finally {
        await editor.close();
    }
});

test('a server that keeps ending is left alone after the fifth time, and started again when asked to', async () => {
    const editor = await openEditor();
    try {
        await editor.open('inventory/items.py');
        for (let crash = 1; crash <= 5; crash++) {
            const started = await until(() => {
                const all = [...editor.log().matchAll(/started, process (\d+)/g)];
                return all.length === crash && all.at(-1);
            }, `start ${crash}`);
            process.kill(Number(started[1]), 'SIGKILL');
        }
        const toast = await editor.notification('ended 5 times in 3 minutes');
        await editor.screenshot('left-alone');
        await toast.getByText('Restart', { exact: true }).click();
        await editor.waitState('ready');
    } finally {
        await editor.close();
    }
});
