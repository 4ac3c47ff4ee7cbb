/**
 * Types that nobody wrote, as a person meets them: painted, hovered over, accepted, and the buffer after. The server answers
 * from a table (typed_server.py), so that what must appear is known.
 */

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openEditor, SERVER, until } from './editor.mjs';

const TYPED = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'typed_server.py');
const PYTHON = process.env.FAIRLEAD_E2E_PYTHON || join(dirname(SERVER), 'python');
const HINTS = [
    'def as_row(item: Item?) -> list[str]:',
    'def load(path: pathlib.Path?) -> Warehouse:',
    'def write(warehouse: Warehouse?, path: pathlib.Path?, separator="\\t") -> None:',
];

/** A program that starts the server with the table, outside of the workspace. */
function server(workspace) {
    const path = join(dirname(workspace), 'typed-server');
    writeFileSync(path, `#!/bin/sh\nexec "${PYTHON}" -E -P "${TYPED}"\n`);
    chmodSync(path, 0o755);
    return { 'fairlead.server.path': path };
}

/** What a person sees of the code; VS Code paints signs without width around a hint, and the blank before an arrow is a margin. */
const shownLines = async (editor) =>
    (await editor.lines()).map((line) => line.replace(/[^\x20-\x7e]/g, '').replace(')->', ') ->').trimEnd());

const painted = (editor, ...wanted) => until(async () => {
    const lines = await shownLines(editor);
    return wanted.every((line) => lines.includes(line));
}, `the lines ${wanted.join('\n')}`, async () => JSON.stringify(await shownLines(editor), null, 1));

/** The innermost element of a hint, on the line that holds `line`. */
const hint = (editor, line, label) =>
    editor.page.locator('.editor-instance .view-line', { hasText: line }).locator('span').filter({ hasText: label }).last();

describe('types as they ship', () => {
    let editor;
    before(async () => (editor = await openEditor()));
    after(() => editor?.close());

    /** The rows of the open list, with what stands behind the names. */
    const rows = () => editor.page.locator('.suggest-widget.visible .monaco-list-row').allInnerTexts();

    test('what is predicted is marked in the list, and once accepted it is known', async () => {
        await editor.open('inventory/report.py');
        await editor.goto(1, 1);
        await painted(editor, 'def as_row(item: Item?):');
        await editor.screenshot('types-shipped');
        await editor.goto(9, 18);
        await editor.type('\nitem.');
        await editor.list((labels) => labels.includes('total_cents'));
        assert.match((await rows()).join('\n'), /total_cents[^]*predicted: Item/);
        await editor.screenshot('types-shipped-list');
        await editor.press('Escape');
        await editor.command('Revert File');
        await painted(editor, 'def as_row(item: Item?):');
        // A hint may be painted anew between the two clicks while the server starts: a person tries again.
        await until(async () => {
            if ((await shownLines(editor)).includes('def as_row(item: Item):')) {
                return true;
            }
            await hint(editor, 'as_row', ': Item?').hover();
            await hint(editor, 'as_row', ': Item?').dblclick();
            await sleep(5000);
            return false;
        }, 'the hint to be taken');
        await editor.goto(9, 24);
        await editor.type('\nitem.');
        const labels = await editor.list((found) => found.includes('total_cents'));
        assert.deepEqual([...labels].sort(), ['add_label', 'labels', 'name', 'price_cents', 'quantity', 'total_cents']);
        assert.doesNotMatch((await rows()).join('\n'), /predicted/);
    });
});

describe('types', () => {
    let editor;
    before(async () => {
        editor = await openEditor({ machine: server });
        await editor.open('inventory/items.py');
        await editor.waitState('static');
        await editor.closeAll();
    });
    after(() => editor?.close());
    afterEach(async (context) => {
        await editor.screenshot(`types-${context.name.replace(/\W+/g, '-')}`);
        await editor.closeAll();
    });

    /** Opens a copy of the report, under a name of its own. */
    async function openReport(name) {
        const text = editor.disk('inventory/report.py');
        writeFileSync(join(editor.workspace, 'inventory', name), text);
        await editor.open(`inventory/${name}`);
        await editor.goto(1, 1); // the click that gives an editor the focus may scroll it, where the machine is slow
        return text;
    }

    /** Takes the action of that title from the list of refactorings at the cursor. */
    async function refactor(title) {
        const row = editor.page.locator('.action-widget .monaco-list-row', { hasText: title }).first();
        await until(async () => {
            await editor.command('Refactor...');
            try {
                await row.waitFor({ timeout: 5000 });
                return true;
            } catch (error) {
                assert.equal(error.name, 'TimeoutError', error);
                await editor.press('Escape');
                return false;
            }
        }, `the action "${title}"`);
        await editor.screenshot('types-actions');
        const focused = editor.page.locator('.action-widget .monaco-list-row.focused');
        await until(async () => {
            if (((await focused.count()) ? await focused.first().getAttribute('aria-label') : '') === title) {
                return true;
            }
            await editor.press('ArrowDown');
            return false;
        }, `"${title}" to be chosen`);
        await editor.press('Enter');
    }

    test('hints stand where the annotations would, guesses marked', async () => {
        await openReport('painted.py');
        await painted(editor, ...HINTS);
    });

    test('a double click on a hint writes what it shows, and its import', async () => {
        const text = (await openReport('accepted.py')).replace('import pathlib\n', '');
        writeFileSync(join(editor.workspace, 'inventory', 'accepted.py'), text);
        await painted(editor, 'def load(path: Path?) -> Warehouse:');
        await hint(editor, 'load', ': Path?').hover();
        await hint(editor, 'load', ': Path?').dblclick();
        await painted(editor, 'def load(path: Path) -> Warehouse:');
        assert.equal(
            await editor.save('inventory/accepted.py'),
            text.replace('def load(path)', 'def load(path: Path)').replace('import json\n', 'import json\nfrom pathlib import Path\n'),
        );
    });

    test('hover tells what is predicted apart from what is known', async () => {
        await openReport('hovered.py');
        await painted(editor, ...HINTS);
        await editor.goto(10, 14);
        const text = await editor.hoverText();
        assert.match(text, /predicted: Item 93 % \[90–96\] · Shelf 4 % · other 3 %/);
        assert.match(text, /the name item is in the table \(line 9\)/);
    });

    test('a code action writes another candidate, and its import', async () => {
        const text = await openReport('acted.py');
        await painted(editor, ...HINTS);
        await editor.goto(20, 13);
        await refactor('Annotate warehouse: Shelf (5 %)');
        await painted(editor, 'def write(warehouse: Shelf, path: pathlib.Path?, separator="\\t") -> None:');
        assert.equal(
            await editor.save('inventory/acted.py'),
            text.replace('(warehouse, path,', '(warehouse: Shelf, path,').replace('import Item, Warehouse', 'import Item, Shelf, Warehouse'),
        );
    });

    test('a code action writes a whole signature', async () => {
        const text = await openReport('signature.py');
        await painted(editor, ...HINTS);
        await editor.goto(20, 13);
        await refactor('Annotate the signature of write');
        const signature = 'def write(warehouse: Warehouse, path: pathlib.Path, separator: str = "\\t") -> None:';
        await painted(editor, signature);
        assert.equal(await editor.save('inventory/signature.py'), text.replace('def write(warehouse, path, separator="\\t"):', signature));
    });

    test('behind a colon the types are listed, and taking one writes it', async () => {
        await editor.openNew('inventory/listed.py', 'from .items import Warehouse\n\n\n');
        await editor.type('def sell(warehouse: ');
        await editor.list((labels) => labels[0] === 'Warehouse');
        await editor.screenshot('types-list');
        await editor.press('Enter');
        await editor.noList();
        assert.match(await editor.save('inventory/listed.py'), /\ndef sell\(warehouse: Warehouse\)?$/);
    });
});
