/** The server's text is the editor's, at every version of it: the hashes that both took of it are compared. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEditor, packed, ROOT, SERVER, until } from './editor.mjs';

const EDITS = { short: 150, ledger: 2_000, night: 20_000 }[process.env.FAIRLEAD_FORM ?? 'short'];
const FILE = 'unicode_names.py';
const CALM = { 'editor.unusualLineTerminators': 'off', 'editor.quickSuggestions': { other: 'off' }, 'editor.suggestOnTriggerCharacters': false };

/** Edits a file at random; gives what was compared. */
async function drifting({ edits, deaf = [] }) {
    const place = (name) => join(editor.home, name);
    const typist = packed(join(import.meta.dirname, 'typist'));
    const teed = (workspace) => {
        const script = join(workspace, '../teed');
        const words = [join(ROOT, '.venv/bin/python'), '-E', '-P', join(ROOT, 'tests/e2e/teed_server.py'), join(workspace, '../server.jsonl'), ...deaf, SERVER];
        writeFileSync(script, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`);
        chmodSync(script, 0o755);
        return { 'fairlead.server.path': script };
    };
    const editor = await openEditor({
        extensions: [typist], machine: teed, user: CALM, env: (workspace) => ({ TYPIST_PLAN: join(workspace, '../plan.json') }),
    });
    try {
        writeFileSync(place('plan.json'), JSON.stringify({ file: join(editor.workspace, FILE), seed: 7, edits, log: place('client.jsonl'), done: place('done.json') }));
        await editor.open(FILE);
        await editor.waitState('ready');
        await editor.command('Typist: Edit at Random');
        const { refused, ways, version } = await until(() => existsSync(place('done.json')) && JSON.parse(readFileSync(place('done.json'))), 'the edits', undefined, 60_000 + edits * 200);
        assert.ok(refused.length <= edits / 50 && !refused.at(-1)?.includes('hangs'), `${refused.length} of ${edits}: ${refused.at(-1)}`);
        const theirs = new Map(lines(place('client.jsonl')).map((line) => [line.version, line]));
        const ours = await until(() => {
            const seen = lines(place('server.jsonl')).filter((line) => line.uri.endsWith(FILE) && theirs.has(line.version));
            return seen.at(-1)?.version === version && seen;
        }, 'the last hash');
        const different = ours.filter((line) => line.sha1 !== theirs.get(line.version).sha1 || line.length !== theirs.get(line.version).length);
        return { ways, versions: ours.length, different };
    } finally {
        await editor.close();
    }
}

function lines(file) {
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)) : [];
}

test('the server holds the text of the editor at every version', async (context) => {
    const { ways, versions, different } = await drifting({ edits: EDITS });
    assert.deepEqual(different, []);
    assert.ok(versions > EDITS / 2, `${versions} of ${EDITS} edits changed something`);
    assert.ok(ways.undo && ways['line ends'] && ways['several at once'], JSON.stringify(ways));
    context.diagnostic(`T4 VS Code: ${EDITS.toLocaleString('en')} edits, undo, redo, several cursors and both line ends among them: the hashes of all ${versions.toLocaleString('en')} versions equal`);
});

test('a server that misses a change is noticed', async () => {
    const { different } = await drifting({ edits: 60, deaf: ['--deaf', '20'] });
    assert.ok(different.length > 0);
});
