/** A real VS Code with our packaged extension, and a person's hands and eyes: keys, clicks, what is painted, what is on disk. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const ROOT = resolve(import.meta.dirname, '../../..');
const ARTIFACTS = join(ROOT, 'artifacts/vscode');
const { chromium } = createRequire(import.meta.url)(needed('FAIRLEAD_PLAYWRIGHT'));
const ENTRY = join(needed('FAIRLEAD_CODE_SERVER'), 'out/node/entry.js');

/** The server under test. */
export const SERVER = process.env.FAIRLEAD_E2E_SERVER || join(ROOT, '.venv/bin/fairlead');

/** Long enough for two busy cores; a test that passes never waits this long. */
const PATIENCE_MS = Number(process.env.FAIRLEAD_E2E_PATIENCE_MS ?? 60_000);
const KEY_DELAY_MS = 60;

let editorsClosed = 0;

const QUIET = {
    'workbench.startupEditor': 'none',
    'workbench.tips.enabled': false,
    'files.autoSave': 'off',
    'telemetry.telemetryLevel': 'off',
    'workbench.layoutControl.enabled': false,
    'window.commandCenter': false,
    'chat.commandCenter.enabled': false,
};

/**
 * Starts VS Code on a copy of the test project (`tests/e2e/project`).
 *
 * `prepare(workspace)` may change the copy first, and return the path of a .code-workspace file to open instead of the folder; `machine` and `user` are settings; `trust` false keeps VS Code's question
 * about trust, which is then answered with "no"; `env` is added to the environment of the editor; `extensions` are packed ones beside
 * ours. `machine` and `env` may be functions of the workspace.
 */
export async function openEditor({ prepare, machine = { 'fairlead.server.path': SERVER }, user = {}, trust = true, env = {}, extensions = [] } = {}) {
    const home = mkdtempSync(join(tmpdir(), 'fairlead-vscode-'));
    const workspace = join(home, 'inventory');
    const data = join(home, 'data');
    cpSync(join(ROOT, 'tests/e2e/project'), workspace, { recursive: true });
    const roots = prepare?.(workspace);
    const port = await freePort();
    writeFileSync(join(home, 'config.yaml'), `bind-addr: 127.0.0.1:${port}\nauth: none\ncert: false\n`);
    writeSettings(join(data, 'Machine'), typeof machine === 'function' ? machine(workspace) : machine);
    writeSettings(join(data, 'User'), { ...QUIET, ...user });
    const { FAIRLEAD_SERVER: _, ...inherited } = process.env;
    const environment = {
        ...inherited,
        EXTENSIONS_GALLERY: '{"serviceUrl":"http://127.0.0.1:9"}',
        HOME: home,
        ...(typeof env === 'function' ? env(workspace) : env),
    };
    const options = ['--config', join(home, 'config.yaml'), '--user-data-dir', data, '--extensions-dir', join(home, 'extensions')];
    for (const extension of [needed('FAIRLEAD_VSIX'), ...extensions]) {
        const installed = spawnSync(process.execPath, [ENTRY, ...options, '--install-extension', extension], { env: environment, encoding: 'utf8' });
        assert.equal(installed.status, 0, installed.stdout + installed.stderr);
    }

    const quiet = ['--disable-telemetry', '--disable-update-check', '--disable-getting-started-override'];
    const process_ = spawn(process.execPath, [ENTRY, ...options, ...quiet, ...(trust ? ['--disable-workspace-trust'] : []), roots ?? workspace],
        { env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    process_.stdout.on('data', (data) => (output += data));
    process_.stderr.on('data', (data) => (output += data));
    const browser = await chromium.launch({
        executablePath: process.env.FAIRLEAD_CHROMIUM,
        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    });
    const editor = new Editor({ home, workspace, data, browser, process_, output: () => output });
    try {
        await editor.load(`http://127.0.0.1:${port}/?${roots ? `workspace=${roots}` : `folder=${workspace}`}`, trust);
    } catch (error) {
        await editor.close();
        throw error;
    }
    return editor;
}

export class Editor {
    constructor(parts) {
        Object.assign(this, parts);
    }

    async load(url, trust) {
        await until(() => /listening on/.test(this.output()), 'code-server to listen');
        this.page = await this.browser.newPage({ viewport: { width: 1000, height: 620 } });
        this.page.setDefaultTimeout(PATIENCE_MS);
        await this.page.goto(url);
        await this.page.waitForSelector('.monaco-workbench .part.editor');
        if (!trust) {
            await this.page.locator('.monaco-dialog-box .monaco-button', { hasText: /^No/ }).click();
        }
    }

    async close() {
        this.saveLogs();
        await this.browser.close();
        try {
            process.kill(-this.process_.pid, 'SIGTERM');
        } catch {
            // It has ended.
        }
        // Its processes write until they have ended.
        await until(() => {
            try {
                rmSync(this.home, { recursive: true, force: true });
                return true;
            } catch {
                return false;
            }
        }, 'the folder to go');
    }

    /** A file of the workspace, as it is on disk. */
    disk(file) {
        return readFileSync(join(this.workspace, file), 'utf8');
    }

    /** Changes the settings of the workspace, or those of the machine, while VS Code runs. */
    async settings({ workspace, machine }) {
        if (workspace) {
            writeSettings(join(this.workspace, '.vscode'), workspace);
        }
        if (machine) {
            writeSettings(join(this.data, 'Machine'), machine);
        }
        await sleep(1000);
    }

    /** Makes a file and opens it with the cursor at its end. */
    async openNew(file, text) {
        writeFileSync(join(this.workspace, file), text);
        await this.open(file);
        await this.press('Control+End');
    }

    async open(file) {
        const name = file.split('/').at(-1);
        await this.pick('Control+P', file, name);
        await this.page.locator(`.tab.active[data-resource-name="${name}"]`).waitFor();
        await this.page.locator('.editor-instance .monaco-editor .view-lines').first().click();
    }

    /** Opens a picker, types into it and clicks the row of that name; again where the picker was not ready for it. */
    async pick(key, text, row) {
        const input = this.page.locator('.quick-input-widget input');
        await until(async () => {
            try {
                await this.press(key);
                await input.fill(text, { timeout: 2000 });
                await this.page.locator('.quick-input-list .monaco-list-row').getByText(row, { exact: true }).first().click({ timeout: 2000 });
                return true;
            } catch (error) {
                assert.equal(error.name, 'TimeoutError', error);
                await this.press('Escape');
                return false;
            }
        }, `"${row}" to choose`);
    }

    async focus() {
        await this.command('View: Focus Active Editor Group');
        await this.page.locator('.editor-instance .monaco-editor.focused').waitFor();
    }

    async goto(line, column) {
        await this.press('Control+G');
        await this.page.locator('.quick-input-widget input').fill(`:${line}:${column}`);
        await this.page.keyboard.press('Enter');
        await sleep(150);
    }

    /** Types; before a line's end it presses Escape, as one does where a list is open and Enter would take its first item. */
    async type(text) {
        for (const [at, line] of text.split('\n').entries()) {
            if (at) {
                await this.press('Escape');
                await this.press('Enter');
            }
            await this.page.keyboard.type(line, { delay: KEY_DELAY_MS });
        }
    }

    async press(key) {
        await this.page.keyboard.press(key);
    }

    /** Runs a command by its title, through the palette. */
    async command(title) {
        await this.pick('F1', `>${title}`, title);
    }

    async save(file) {
        await this.press('Control+S');
        await this.page.locator(`.tab.active.dirty`).waitFor({ state: 'detached' });
        return this.disk(file);
    }

    /** The labels of the open list, as far as it is painted (about a dozen rows). */
    async labels() {
        return this.page.locator('.suggest-widget.visible .monaco-list-row .label-name').allInnerTexts();
    }

    /** Waits for the open list to be `wanted(labels)`. Where a busy machine gave none in time it is asked for by hand. */
    async list(wanted = (labels) => labels.length > 0) {
        let patient = Date.now() + 5000;
        return until(async () => {
            const labels = await this.labels();
            if (labels.length === 0 && Date.now() > patient) {
                await this.press('Control+Space');
                patient = Date.now() + 5000;
            }
            return wanted(labels) ? labels : undefined;
        }, 'a list', async () => JSON.stringify(await this.labels()));
    }

    async noList() {
        await this.page.locator('.suggest-widget.visible').waitFor({ state: 'hidden' });
    }

    /** The ghost text painted now; empty when there is none. */
    async ghost() {
        const parts = await this.page.locator('.ghost-text-decoration, .ghost-text-decoration-preview').allInnerTexts();
        const below = await this.page.locator('.suggest-preview-text .view-line').allInnerTexts();
        return [parts.join(''), ...below].join('\n').replaceAll('\u00a0', ' ');
    }

    async waitGhost(wanted = (text) => text.length > 0, what = 'ghost text') {
        return until(async () => {
            const text = await this.ghost();
            return wanted(text) ? text : undefined;
        }, what, async () => JSON.stringify(await this.ghost()));
    }

    /** Notes what ghost text every frame shows, until `ghostsSeen` is asked. */
    async watchGhost() {
        await this.page.evaluate(() => {
            const seen = (window.ghostsSeen = []);
            const look = () => {
                const parts = [...document.querySelectorAll('.ghost-text-decoration, .ghost-text-decoration-preview')];
                const text = parts.map((part) => part.textContent).join('').replaceAll('\u00a0', ' ');
                if (seen.at(-1) !== text) {
                    seen.push(text);
                }
                if (window.ghostsSeen === seen) {
                    requestAnimationFrame(look);
                }
            };
            look();
        });
    }

    async ghostsSeen() {
        return this.page.evaluate(() => {
            const seen = window.ghostsSeen;
            window.ghostsSeen = undefined;
            return seen;
        });
    }

    /** The lines painted, ghost text included. */
    async lines() {
        const lines = await this.page.locator('.editor-instance .view-line').evaluateAll((all) =>
            all.map((line) => [line.getBoundingClientRect().top, line.innerText]).sort((a, b) => a[0] - b[0]).map(([, text]) => text));
        return lines.map((line) => line.replaceAll('\u00a0', ' '));
    }

    async hoverText() {
        await this.command('Show or Focus Hover');
        const hover = this.page.locator('.monaco-hover:not(.hidden) .hover-contents').first();
        await hover.waitFor();
        return (await hover.innerText()).replaceAll('\u00a0', ' ');
    }

    async notification(text) {
        const toast = this.page.locator('.notification-toast', { hasText: text }).first();
        await toast.waitFor();
        await sleep(400); // it slides in
        return toast;
    }

    /** The page "fairlead: Show Status". Its tab is closed again unless it is to be kept. */
    async status({ keep = false } = {}) {
        await this.command('fairlead: Show Status');
        await this.page.locator('.tab.active[data-resource-name="status.txt"]').waitFor();
        const text = await until(async () => {
            const lines = await this.lines();
            return lines[0] === 'fairlead' && lines.length > 3 ? lines.join('\n') : undefined;
        }, 'the status page');
        if (!keep) {
            await this.closeTab();
        }
        return text;
    }

    async closeTab() {
        await this.command('View: Close Editor');
        await sleep(300);
    }

    /** Closes everything, unsaved text thrown away. */
    async closeAll() {
        const question = this.page.locator('.monaco-dialog-box .monaco-button', { hasText: "Don't Save" });
        await this.press('Escape');
        await this.command('View: Close All Editors');
        await until(async () => {
            if (await question.count()) {
                await question.click();
            }
            return (await this.page.locator('.tab').count()) === 0;
        }, 'all tabs to close');
    }

    /** The line of the language status item: what the `{}` of the status bar shows when opened. */
    async languageStatus() {
        const item = this.page.locator('.statusbar-item[id="status.languageStatus"]');
        await item.hover();
        const row = this.page.locator('.hover-language-status', { hasText: 'fairlead' }).first();
        await row.waitFor();
        return (await row.innerText()).replaceAll('\u00a0', ' ');
    }

    async waitState(state) {
        let text = '';
        return until(async () => {
            text = await this.status();
            return text.split('\n')[2]?.startsWith(state) ? text : undefined;
        }, `the state ${state}`, () => `${text}\n${this.log()}`);
    }

    /** The process of the server, once it is ready. */
    async pid() {
        return Number(/Process +(\d+)/.exec(await this.waitState('ready'))[1]);
    }

    async reload() {
        await this.page.reload();
        await this.page.waitForSelector('.monaco-workbench .part.editor');
    }

    /** What the extension has logged, the server's stderr included. */
    log() {
        const logs = join(this.data, 'logs');
        const found = (existsSync(logs) ? readdirSync(logs, { recursive: true }) : []).filter((name) => name.endsWith('fairlead.log'));
        return found.map((name) => readFileSync(join(logs, name), 'utf8')).join('');
    }

    /** Keeps the logs of extension and server beside the screenshots, for when a test fails. */
    saveLogs() {
        mkdirSync(ARTIFACTS, { recursive: true });
        const server = join(this.home, '.local/state/fairlead/fairlead.log');
        const texts = [this.log(), existsSync(server) ? readFileSync(server, 'utf8') : ''];
        writeFileSync(join(ARTIFACTS, `${basename(process.argv[1], '.test.mjs')}-${++editorsClosed}.log`), texts.join('\n'));
    }

    async screenshot(name) {
        mkdirSync(ARTIFACTS, { recursive: true });
        await this.page.screenshot({ path: join(ARTIFACTS, `${name}.png`) });
    }
}

/** Asks until the answer is something; fails with what was seen last. */
export async function until(ask, what, seen, patience = PATIENCE_MS) {
    const end = Date.now() + patience;
    for (;;) {
        const answer = await ask();
        if (answer) {
            return answer;
        }
        if (Date.now() > end) {
            throw new assert.AssertionError({ message: `waited in vain for ${what}${seen ? `; saw ${await seen()}` : ''}` });
        }
        await sleep(50);
    }
}

/** A folder with a package.json as an extension that can be installed. */
export function packed(folder) {
    const file = join(mkdtempSync(join(tmpdir(), 'fairlead-vsix-')), `${basename(folder)}.vsix`);
    const done = spawnSync(join(ROOT, 'editors/vscode/node_modules/.bin/vsce'), ['package', '--out', file, '--allow-missing-repository', '--skip-license'],
        { cwd: folder, encoding: 'utf8' });
    assert.equal(done.status, 0, done.stdout + done.stderr);
    return file;
}

function writeSettings(folder, settings) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings));
}

function freePort() {
    return new Promise((done) => {
        const server = createServer().listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => done(port));
        });
    });
}

function needed(name) {
    assert.ok(process.env[name], `${name} is not set: run scripts/e2e-vscode`);
    return process.env[name];
}
