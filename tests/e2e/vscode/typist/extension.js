/** Edits a document at random as people and extensions do, and notes the hash of the text at each version of it. */

const vscode = require('vscode');
const { createHash } = require('node:crypto');
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');

const TEXTS = ['x', 'self.', '🎉é', '棚', '\f', '\u2028\u0085', '\t', 'def f(a):', '', '(', '"', 'a\nb', 'a\r\n\r\nb', '👩‍👩‍👧\u0301\n'];
// Not transformToUppercase: VS Code 1.100 may never come back from it.
const COMMANDS = [
    'undo', 'undo', 'redo', 'deleteLeft', 'deleteRight', 'deleteWordLeft', 'editor.action.deleteLines', 'editor.action.copyLinesDownAction',
    'editor.action.moveLinesUpAction', 'editor.action.moveLinesDownAction', 'editor.action.joinLines', 'editor.action.commentLine',
    'editor.action.indentLines', 'editor.action.outdentLines', 'editor.action.transposeLetters',
    'editor.action.insertLineAfter', 'editor.action.sortLinesAscending', 'editor.action.trimTrailingWhitespace',
];
const MOST_LINES = 300;
const FEWEST_LINES = 10;
const PATIENCE_MS = 20_000;
let trying = '';
const HANGS = new Error('VS Code hangs');

/** `TYPIST_PLAN` names a file with {file, seed, edits, log, done}. */
exports.activate = (context) => {
    context.subscriptions.push(vscode.commands.registerCommand('typist.edit', async () => {
        const plan = JSON.parse(readFileSync(process.env.TYPIST_PLAN, 'utf8'));
        const document = await vscode.workspace.openTextDocument(plan.file);
        const editor = await vscode.window.showTextDocument(document);
        const note = () => {
            const text = document.getText();
            const sha1 = createHash('sha1').update(text).digest('hex');
            appendFileSync(plan.log, JSON.stringify({ version: document.version, length: [...text].length, sha1 }) + '\n');
        };
        const heard = vscode.workspace.onDidChangeTextDocument((event) => event.document === document && note());
        const ways = {};
        const refused = [];
        const draw = drawing(plan.seed);
        for (let edit = 0; edit < plan.edits; edit++) {
            try {
                const way = await soon(once(editor, draw));
                ways[way] = (ways[way] ?? 0) + 1;
            } catch (error) {
                refused.push(`${error.stack} ${trying}`); // some of VS Code's commands stumble over some selections
                if (error === HANGS) {
                    break;
                }
            }
        }
        heard.dispose();
        writeFileSync(plan.done, JSON.stringify({ ways, refused, version: document.version }));
    }));
};

/** What VS Code does not answer at all would fill its memory. */
function soon(promise) {
    let timer;
    const hangs = new Promise((_, fail) => (timer = setTimeout(fail, PATIENCE_MS, HANGS)));
    return Promise.race([promise, hangs]).finally(() => clearTimeout(timer));
}

/** One edit; says which kind it was. */
async function once(editor, draw) {
    const { document } = editor;
    if (document.lineCount > MOST_LINES) {
        await editor.edit((builder) => builder.delete(new vscode.Range(20, 0, document.lineCount, 0)));
        return 'cut';
    }
    if (document.lineCount < FEWEST_LINES) {
        await editor.edit((builder) => builder.insert(new vscode.Position(0, 0), 'class 棚:\n    """🎉🎉"""\n\n    def put(self, x):\n        return x\n\n'.repeat(3)));
        return 'grown';
    }
    const kind = draw(10);
    const text = TEXTS[draw(TEXTS.length)];
    if (kind < 3) {
        const ranges = apart(Array.from({ length: 1 + draw(4) }, () => range(document, draw)));
        await editor.edit((builder) => ranges.forEach((one) => builder.replace(one, text)));
        return ranges.length > 1 ? 'several at once' : 'one';
    }
    editor.selections = Array.from({ length: 1 + draw(3) }, () => {
        const one = range(document, draw);
        return new vscode.Selection(one.start, draw(2) ? one.end : one.start);
    });
    if (kind < 6) {
        await vscode.commands.executeCommand('type', { text });
        return 'typed at several cursors';
    }
    if (kind === 6 && draw(4) === 0) {
        const eol = draw(2) ? vscode.EndOfLine.CRLF : vscode.EndOfLine.LF;
        await editor.edit((builder) => builder.setEndOfLine(eol));
        return 'line ends';
    }
    if (kind === 6) {
        await editor.insertSnippet(new vscode.SnippetString('for ${1:x} in ${2:y}:\n\t$0'));
        await vscode.commands.executeCommand('leaveSnippet');
        return 'snippet';
    }
    const command = COMMANDS[draw(COMMANDS.length)];
    if (command.startsWith('editor.action')) {
        editor.selection = editor.selections[0]; // with several, VS Code 1.100 may never come back
    }
    trying = `${command} at ${JSON.stringify(editor.selections)} in ${JSON.stringify(document.getText())}`;
    await vscode.commands.executeCommand(command);
    trying = '';
    return command;
}

function range(document, draw) {
    const line = draw(document.lineCount);
    const start = new vscode.Position(line, draw(document.lineAt(line).text.length + 1));
    const last = Math.min(document.lineCount - 1, line + draw(3));
    const end = new vscode.Position(last, draw(document.lineAt(last).text.length + 1));
    return document.validateRange(new vscode.Range(start, end));
}

/** Those of the ranges that lie apart. */
function apart(ranges) {
    const kept = [];
    for (const one of ranges.sort((a, b) => a.start.compareTo(b.start))) {
        if (!kept.length || one.start.isAfter(kept.at(-1).end)) {
            kept.push(one);
        }
    }
    return kept;
}

/** A generator of numbers below a limit (mulberry32), the same for the same seed. */
function drawing(seed) {
    let state = seed >>> 0;
    return (limit) => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
    };
}
