/** The main job, as a person meets it: lists and ghost text while typing, taken or typed through, and the buffer after. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEditor, until } from './editor.mjs';

const SHELF = ['find', 'items', 'number', 'put'];
const OBVIOUS = `class Box:
    def __init__(self, width, height, depth):
        self.width = width
        self.height = height
        `;

describe('typing', () => {
    let editor;
    before(async () => {
        editor = await openEditor();
        // Any Python file starts the server; a person would see the state in the status bar.
        await editor.open('inventory/items.py');
        await editor.waitState('ready');
    });
    after(() => editor?.close());
    beforeEach(() => editor.press('Escape'));
    afterEach(async (context) => {
        await editor.screenshot(context.name.replace(/\W+/g, '-'));
        await editor.closeAll();
    });

    test('a dot opens the members that exist, and taking one writes it', async () => {
        await editor.openNew('members.py', 'from inventory import Shelf\n\nshelf = Shelf(1)\n');
        await editor.type('shelf.');
        const labels = await editor.list((labels) => SHELF.every((name) => labels.includes(name)));
        const others = labels.filter((label) => !SHELF.includes(label));
        assert.ok(others.every((label) => /^__\w+__$/.test(label)), `these do not exist: ${others}`);
        await editor.screenshot('members');
        await editor.type('pu');
        await editor.list((labels) => labels[0] === 'put');
        await editor.press('Enter');
        await editor.noList();
        assert.equal(await editor.save('members.py'), 'from inventory import Shelf\n\nshelf = Shelf(1)\nshelf.put');
    });

    test('members of what is not annotated, taken by Tab, with text after the cursor kept', async () => {
        const text = 'from inventory import Warehouse\n\n\ndef count(number):\n    house = Warehouse()\n    return len(house.shelf(number).)\n';
        await editor.openNew('chain.py', text.replace('.)', ')'));
        await editor.goto(6, '    return len(house.shelf(number)'.length + 1);
        await editor.type('.it');
        await editor.list((labels) => labels[0] === 'items');
        await editor.press('Tab');
        await editor.noList();
        assert.equal(await editor.save('chain.py'), text.replace('.)', '.items)'));
    });

    test('a module has its functions, and no others', async () => {
        await editor.openNew('module.py', 'import json\n\n');
        await editor.type('json.dum');
        assert.deepEqual((await editor.list((labels) => labels.length === 2)).sort(), ['dump', 'dumps']);
        await editor.press('Escape');
        await editor.type('px');
        await sleep(1000);
        assert.deepEqual(await editor.labels(), []);
    });

    test('positions are right behind an emoji and in a name of other letters', async () => {
        const text = 'from inventory import Shelf\n\n棚 = Shelf(1)\n';
        await editor.openNew('wide.py', text);
        await editor.type('x = ("🎉🎉", 棚.nu');
        await editor.list((labels) => labels[0] === 'number');
        await editor.press('Enter');
        await editor.noList();
        assert.equal(await editor.save('wide.py'), `${text}x = ("🎉🎉", 棚.number)`);
    });

    test('the line ends of Windows stay as they are', async () => {
        const old = editor.disk('windows.py');
        await editor.open('windows.py');
        await editor.press('Control+End');
        await editor.type('\ncheap([Item("a", 1)], 2)[0].total');
        await editor.list((labels) => labels[0] === 'total_cents');
        await editor.press('Enter');
        await editor.noList();
        const saved = await editor.save('windows.py');
        assert.match(saved, /\r\ncheap\(\[Item\("a", 1\)\], 2\)\[0\]\.total_cents$/);
        assert.ok(saved.startsWith(old));
        assert.doesNotMatch(saved, /[^\r]\n/);
    });

    test('ghost text is painted, and Tab writes exactly what was painted', async () => {
        await editor.openNew('ghost.py', OBVIOUS);
        await editor.type('self.depth =');
        await editor.type(' ');
        const ghost = await editor.waitGhost();
        assert.match(ghost, /^\w+$/);
        await editor.screenshot('ghost');
        const line = (await editor.lines()).find((text) => text.includes('self.depth'));
        assert.equal(line.trim(), `self.depth = ${ghost}`);
        await editor.press('Tab');
        await until(async () => (await editor.ghost()) !== ghost, 'the ghost to become text');
        await editor.press('Escape');
        assert.equal(await editor.save('ghost.py'), `${OBVIOUS}self.depth = ${ghost}`);
        assert.match(await editor.status(), /Offers taken +1$/m);
    });

    test('with the list open, ghost text goes on from the chosen member: Tab takes the member, Tab takes the rest', async () => {
        const text = 'import pathlib\n\n\ndef read_config(path):\n    file = pathlib.Path(path)\n    if not file';
        await editor.openNew('both.py', text);
        await editor.type('.');
        const [chosen] = await editor.list((labels) => labels.includes('exists'));
        const ghost = await editor.waitGhost((ghost) => ghost.startsWith(chosen) && ghost !== chosen, 'ghost text beyond the member');
        await editor.screenshot('both');
        await editor.press('Tab');
        await editor.noList();
        const rest = await editor.waitGhost((text) => ghost === chosen + text, 'the rest of the ghost text');
        await editor.press('Tab');
        await until(async () => (await editor.ghost()) !== rest, 'the ghost to become text');
        await editor.press('Escape');
        assert.equal(await editor.save('both.py'), `${text}.${ghost}`);
    });

    test('typing what both the list and the ghost say keeps both, frame by frame', async () => {
        await editor.openNew('both_through.py', 'import pathlib\n\n\ndef read_config(path):\n    file = pathlib.Path(path)\n    if not file');
        await editor.type('.');
        const [chosen] = await editor.list((labels) => labels.includes('exists'));
        const ghost = await editor.waitGhost((ghost) => ghost.startsWith(chosen) && ghost !== chosen, 'ghost text beyond the member');
        await editor.watchGhost();
        for (const letter of chosen.slice(0, 4)) {
            await editor.type(letter);
            await sleep(300);
        }
        assert.equal((await editor.labels())[0], chosen);
        assert.deepEqual(await editor.ghostsSeen(), [0, 1, 2, 3, 4].map((typed) => ghost.slice(typed)));
    });

    test('ghost text is taken word by word', async () => {
        const text = 'import pathlib\n\n\ndef read_config(path):\n    file = pathlib.Path(path)\n    if not file';
        await editor.openNew('words.py', text);
        await editor.type('.');
        await editor.list((labels) => labels.includes('exists'));
        await editor.press('Escape');
        const ghost = await editor.waitGhost((ghost) => /^\w+\W/.test(ghost), 'ghost text of more than a word');
        const [word] = /^\w+/.exec(ghost);
        await editor.press('Control+ArrowRight');
        assert.equal(await editor.waitGhost((rest) => rest !== ghost), ghost.slice(word.length));
        await editor.press('Escape');
        assert.equal(await editor.save('words.py'), `${text}.${word}`);
    });

    test('asked for by a command, there are alternatives to choose from', async () => {
        const text = 'import pathlib\n\n\ndef read_config(path):\n    file = pathlib.Path(path)\n    if not file.';
        await editor.openNew('asked.py', text);
        await editor.command('Trigger Inline Suggestion');
        const first = await editor.waitGhost();
        const second = await until(async () => {
            await editor.press('Alt+BracketRight');
            await sleep(500);
            const ghost = await editor.ghost();
            return ghost !== first && ghost;
        }, 'another ghost text');
        await editor.screenshot('alternatives');
        await editor.press('Tab');
        await until(async () => (await editor.ghost()) !== second, 'the ghost to become text');
        await editor.press('Escape');
        assert.equal(await editor.save('asked.py'), text + second);
    });

    test('in a comment nothing is offered, and the status says why', async () => {
        await editor.openNew('comment.py', 'total = 0\n');
        await editor.type('# the sum of ');
        await sleep(1500);
        assert.equal(await editor.ghost(), '');
        assert.deepEqual(await editor.labels(), []);
        assert.match(await editor.status(), /offered nothing \(comment\.py, line 2\):\n +.*comment/);
        assert.match(await editor.languageStatus(), /nothing offered, .*comment/);
    });

    test('hover tells the signature and what it is for', async () => {
        await editor.open('inventory/items.py');
        const lines = editor.disk('inventory/items.py').split('\n');
        const line = lines.findIndex((text) => text.includes('def put'));
        await editor.goto(line + 1, lines[line].indexOf('put') + 2);
        const text = await editor.hoverText();
        assert.match(text, /put\(.*item/);
        assert.match(text, /Put an item at the end/);
    });

    test('an untitled file of Python is served too', async () => {
        await editor.command('File: New Untitled Text File');
        await editor.command('Change Language Mode');
        await editor.page.locator('.quick-input-widget input').fill('Python');
        await editor.page.locator('.quick-input-list .monaco-list-row[aria-label^="Python"]').first().click();
        await editor.page.locator('.editor-instance .monaco-editor .view-lines').first().click();
        await editor.type('import json\njson.dum');
        assert.deepEqual((await editor.list((labels) => labels.length === 2)).sort(), ['dump', 'dumps']);
    });

    test('a cell of a notebook knows what the cells above it define', async () => {
        const cell = (source) => ({ cell_type: 'code', execution_count: null, metadata: {}, outputs: [], source });
        const notebook = { cells: [cell('from inventory import Shelf\nshelf = Shelf(1)'), cell('')], metadata: { language_info: { name: 'python' } }, nbformat: 4, nbformat_minor: 5 };
        writeFileSync(join(editor.workspace, 'cells.ipynb'), JSON.stringify(notebook));
        await editor.pick('Control+P', 'cells.ipynb', 'cells.ipynb');
        await editor.page.locator('.notebook-editor .cell .monaco-editor .view-lines').nth(1).click();
        await editor.type('shelf.nu');
        await editor.list((labels) => labels[0] === 'number');
        await editor.press('Enter');
        await editor.noList();
        assert.match(await editor.save('cells.ipynb'), /"shelf\.number"/);
    });

    test('the status item and the status page say what runs', async () => {
        await editor.open('inventory/items.py');
        const text = await editor.languageStatus();
        assert.match(text, /^fairlead/);
        assert.match(text, /Show Log/);
        await editor.screenshot('status-item');
        await editor.press('Escape');
        const page = await editor.status({ keep: true });
        assert.match(page, /^ {4}Model +ready/m);
        assert.match(page, /^ {4}Server +\S+ serve$/m);
        await editor.screenshot('status-page');
    });

    test('paused, it offers nothing and says so; resumed, it offers again', async () => {
        await editor.openNew('pause.py', 'import json\n\n');
        await editor.command('fairlead: Pause or Resume');
        await until(async () => /^fairlead paused/m.test(await editor.languageStatus()), 'the item to say paused');
        await editor.screenshot('paused');
        await editor.focus();
        await editor.type('json.');
        await sleep(1500);
        // The editor's own words of the document may be in a list; members of the module may not.
        assert.ok(!(await editor.labels()).some((label) => ['dumps', 'loads'].includes(label)));
        assert.equal(await editor.ghost(), '');
        await editor.command('fairlead: Pause or Resume');
        await until(async () => !/^fairlead paused/m.test(await editor.languageStatus()), 'the item to say it goes on');
        await editor.focus();
        await editor.press('Backspace');
        await editor.type('.du');
        await editor.list((labels) => labels.includes('dumps'));
    });

    test('a server that is killed comes back, and knows what was typed meanwhile', async () => {
        await editor.openNew('killed.py', 'from inventory import Shelf\n\n');
        const old = await editor.pid();
        process.kill(old, 'SIGKILL');
        await editor.focus();
        await editor.type('shelf = Shelf(1)\n');
        await until(async () => (await editor.pid()) !== old, 'another process');
        await editor.focus();
        await editor.type('shelf.nu');
        await editor.list((labels) => labels[0] === 'number');
        await editor.press('Enter');
        await editor.noList();
        assert.equal(await editor.save('killed.py'), 'from inventory import Shelf\n\nshelf = Shelf(1)\nshelf.number');
    });

    test('restarting, and loading the window again, leave no server behind', async () => {
        const first = await editor.pid();
        await editor.command('fairlead: Restart Server');
        await until(() => !isAlive(first), 'the first server to end');
        const second = await editor.pid();
        assert.notEqual(second, first);
        await editor.reload();
        await editor.open('inventory/items.py');
        const third = await editor.pid();
        assert.notEqual(third, second);
        await until(() => !isAlive(second), 'the second server to end');
    });
});

function isAlive(pid) {
    try {
        process.kill(pid, 0);
        return true;
    } catch {
        return false;
    }
}

describe('typing where letters open no list', () => {
    let editor;
    before(async () => {
        // The default of VS Code since 1.139, a setting in this one; set before it starts, for a change of settings takes
        // effect at no known time.
        editor = await openEditor({ user: { 'editor.quickSuggestions': { other: 'off' } } });
        await editor.open('inventory/items.py');
        await editor.waitState('ready');
    });
    after(() => editor?.close());
    afterEach((context) => editor.screenshot(context.name.replace(/\W+/g, '-')));

    test('typing what the ghost says never makes it flicker', async () => {
        await editor.openNew('through.py', OBVIOUS);
        await editor.type('self.depth =');
        await editor.type(' ');
        const ghost = await editor.waitGhost();
        await editor.watchGhost();
        let rest = ghost;
        for (const letter of ghost.slice(0, 3)) {
            await editor.type(letter);
            rest = rest.slice(1);
            await editor.waitGhost((text) => text === rest, `the ghost "${rest}"`);
            await sleep(400);
        }
        const seen = await editor.ghostsSeen();
        assert.deepEqual(seen, [0, 1, 2, 3].map((typed) => ghost.slice(typed)));
        await editor.press('Tab');
        await editor.press('Escape');
        assert.equal(await editor.save('through.py'), `${OBVIOUS}self.depth = ${ghost}`);
    });
});
