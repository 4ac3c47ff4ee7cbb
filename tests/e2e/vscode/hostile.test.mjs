/** Ghost text that VS Code might take for a snippet, a variable, a link or a command: taken, it is what was shown. */

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEditor, ROOT, until } from './editor.mjs';

const TEXT = String.raw`'$CLIPBOARD ${'${TM_FILENAME} ${1:a}'} $0 \} ${'`x`'} %d %s {{}} \n \x1b[2K é棚🎉 <b> [a](command:b) ]]> &amp;'`;

/** The server of tests/e2e/hostile_server.py, which offers that text. */
function hostile(workspace) {
    const script = join(workspace, '../hostile');
    writeFileSync(script, `#!/bin/sh\nexec ${ROOT}/.venv/bin/python -E -P ${ROOT}/tests/e2e/hostile_server.py\n`);
    chmodSync(script, 0o755);
    return { 'fairlead.server.path': script };
}

test('a hostile text that is taken is in the buffer as it was shown', async (context) => {
    const editor = await openEditor({ machine: hostile, user: { 'editor.autoClosingQuotes': 'never' } });
    try {
        await editor.openNew('hostile.py', '# é\n');
        await until(async () => /no model/.test(await editor.status()), 'the server');
        await editor.focus();
        await editor.type('hostile =');
        await editor.type(' ');
        assert.equal(await editor.waitGhost(), TEXT);
        await editor.press('Tab');
        await until(async () => (await editor.ghost()) === '', 'the ghost to become text');
        assert.equal(await editor.save('hostile.py'), `# é\nhostile = ${TEXT}`);
        context.diagnostic('S7 VS Code: a hostile text that is taken is in the file byte for byte as it was shown');
    } finally {
        await editor.close();
    }
});
