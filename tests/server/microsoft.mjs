/** Microsoft's own text model, as a second oracle: lines {text, changes} come in, the JSON of {text, lines} goes out for each. */

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { TextDocument } = createRequire(import.meta.resolve('../../editors/vscode/package.json'))('vscode-languageserver-textdocument');

for await (const line of createInterface({ input: process.stdin })) {
    const { text, changes } = JSON.parse(line);
    const document = TextDocument.create('file:///a.py', 'python', 0, text);
    TextDocument.update(document, changes, 1);
    process.stdout.write(JSON.stringify({ text: document.getText(), lines: document.lineCount }) + '\n');
}
