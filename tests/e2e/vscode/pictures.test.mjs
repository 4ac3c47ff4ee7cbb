/** The pictures of the README: FAIRLEAD_PICTURES=1 scripts/e2e-vscode --test-name-pattern=pictures */

import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEditor } from './editor.mjs';

const IMAGES = resolve(import.meta.dirname, '../../../docs/images');
const READ = `import pathlib


def read_config(path):
    file = pathlib.Path(path)
    if not file`;

test('pictures', { skip: !process.env.FAIRLEAD_PICTURES }, async () => {
    const user = {
        'editor.minimap.enabled': false,
        'breadcrumbs.enabled': false,
        'editor.fontSize': 15,
        'editor.renderLineHighlight': 'none',
        'editor.scrollbar.vertical': 'hidden',
        'editor.overviewRulerLanes': 0,
        'workbench.activityBar.location': 'hidden',
        'workbench.sideBar.location': 'right',
    };
    const editor = await openEditor({ user });
    const picture = async (name) => {
        await sleep(500);
        await editor.page.screenshot({ path: join(IMAGES, `vscode-${name}.png`) });
    };
    try {
        await editor.page.setViewportSize({ width: 760, height: 360 });
        await editor.openNew('config.py', READ);
        await editor.command('View: Close Primary Side Bar');
        await editor.waitState('ready');
        // The first question warms analysis; pictures are of the state one works in.
        await editor.focus();
        await editor.type('.');
        await editor.list((labels) => labels.includes('exists'));
        await editor.press('Escape');
        await editor.press('Backspace');
        await sleep(3000);

        await editor.type('.');
        await editor.list((labels) => labels.includes('exists'));
        await picture('list');
        await editor.press('Escape');
        await editor.waitGhost();
        await picture('ghost');
        await editor.press('Tab');
        await editor.press('Escape');
        await editor.goto(6, 20);
        await editor.hoverText();
        await picture('hover');
    } finally {
        await editor.close();
    }
});
