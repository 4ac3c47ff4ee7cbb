/** A window of two folders: each file is understood in its own. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEditor } from './editor.mjs';

test('in a workspace of two folders, a name means what it means in the folder of the file', async () => {
    const editor = await openEditor({
        prepare: (workspace) => {
            for (const [folder, member] of [['east', 'sunrise'], ['west', 'sunset']]) {
                mkdirSync(join(workspace, folder));
                writeFileSync(join(workspace, folder, 'sky.py'), `class Sky:\n    def ${member}(self):\n        return 0\n`);
                writeFileSync(join(workspace, folder, `in_${folder}.py`), 'from sky import Sky\n\n');
            }
            const file = join(workspace, 'both.code-workspace');
            writeFileSync(file, JSON.stringify({ folders: [{ path: 'east' }, { path: 'west' }] }));
            return file;
        },
    });
    try {
        for (const [folder, member] of [['east', 'sunrise'], ['west', 'sunset']]) {
            await editor.open(`in_${folder}.py`);
            await editor.waitState('ready');
            await editor.focus();
            await editor.press('Control+End');
            await editor.type('Sky().s');
            await editor.list((labels) => labels.length === 1 && labels[0] === member);
            await editor.screenshot(`root-${folder}`);
            await editor.closeAll();
        }
    } finally {
        await editor.close();
    }
});
