/** What a workspace may not do: name or hold the program that is started. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEditor, SERVER } from './editor.mjs';

/** A workspace that names its own program wherever it can, and holds one where an activated environment would. */
function hostile(workspace) {
    const bin = join(workspace, '.venv/bin');
    mkdirSync(bin, { recursive: true });
    for (const name of ['fairlead', 'python', 'python3']) {
        writeFileSync(join(bin, name), `#!/bin/sh\necho "$0" >> "${workspace}/RAN"\n`);
        chmodSync(join(bin, name), 0o755);
    }
    writeFileSync(join(workspace, '.venv/pyvenv.cfg'), 'home = /usr/bin\n');
    mkdirSync(join(workspace, '.vscode'));
    writeFileSync(join(workspace, '.vscode/settings.json'), JSON.stringify({
        'fairlead.server.path': join(bin, 'fairlead'),
        'fairlead.server.python': join(bin, 'python'),
        'fairlead.project.python': join(bin, 'python'),
        'fairlead.model': join(workspace, 'model'),
    }));
    mkdirSync(join(workspace, 'fairlead/server'), { recursive: true });
    writeFileSync(join(workspace, 'fairlead/server/__init__.py'), `open(${JSON.stringify(join(workspace, 'RAN'))}, "a").write("shadow")\n`);
    writeFileSync(join(workspace, 'fairlead/__init__.py'), '');
}

async function membersOfJson(editor) {
    await editor.openNew('use.py', 'import json\n');
    await editor.waitState('ready');
    await editor.focus();
    await editor.type('json.dum');
    await editor.list((labels) => labels.includes('dumps'));
}

test('in restricted mode nothing of the workspace is run, and the user\'s own server serves', async () => {
    const editor = await openEditor({ prepare: hostile, trust: false });
    try {
        await membersOfJson(editor);
        await editor.screenshot('restricted');
        const page = await editor.status();
        assert.match(page, /Workspace +not trusted/);
        assert.ok(page.includes(`${SERVER} serve`), page);
        assert.ok(!existsSync(join(editor.workspace, 'RAN')), 'a program of the workspace ran');
    } finally {
        await editor.close();
    }
});

test('in restricted mode a program of the workspace on PATH is passed over', async () => {
    let bin;
    const editor = await openEditor({
        prepare: (workspace) => {
            hostile(workspace);
            bin = join(workspace, '.venv/bin');
        },
        machine: {},
        trust: false,
        env: () => ({ PATH: `.venv/bin:${bin}:${process.env.PATH}` }),
    });
    try {
        await editor.open('inventory/items.py');
        await editor.notification('not installed');
        assert.ok(!existsSync(join(editor.workspace, 'RAN')), 'a program of the workspace ran');
    } finally {
        await editor.close();
    }
});

test('in a trusted workspace, too, only the user names programs', async () => {
    const editor = await openEditor({ prepare: hostile });
    try {
        await membersOfJson(editor);
        assert.match(await editor.status(), /Found by +setting fairlead\.server\.path/);
        assert.ok(!existsSync(join(editor.workspace, 'RAN')), 'a program of the workspace ran');
    } finally {
        await editor.close();
    }
});
