/** Starts the fairlead server, shows its state, and gets out of the way. All else is plain LSP. */

import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import * as vscode from 'vscode';
import { CloseAction, ErrorAction, LanguageClient, type LanguageClientOptions } from 'vscode-languageclient/node';
import { BadServer, findServer, INSTALL_HELP, type Server, startServer } from './server';
import { report, type Status, showStatus } from './status';

const SELECTOR = ['file', 'untitled', 'vscode-notebook-cell'].map((scheme) => ({ scheme, language: 'python' }));
const PAGES = 'fairlead';
const CRASHES_ALLOWED = 4;
const CRASH_WINDOW_MS = 3 * 60_000;

/** One started server. `stopping` tells an end we asked for from a crash; `ended` rejects when it ends before it serves. */
interface Session {
    readonly server: Server;
    readonly client: LanguageClient;
    readonly ended: Promise<never>;
    readonly end: (reason: Error) => void;
    process: ChildProcess | undefined;
    lastWords: string;
    stopping: boolean;
}

let fairlead: Fairlead | undefined;

export function activate(context: vscode.ExtensionContext): void {
    fairlead = new Fairlead(context);
    void fairlead.restart();
}

export async function deactivate(): Promise<void> {
    await fairlead?.end();
    fairlead = undefined;
}

/** A client that keeps its troubles in the log: what the user must know, the extension says once, in its own words. */
class QuietClient extends LanguageClient {
    override info(message: string, data?: unknown): void {
        super.info(message, data, false);
    }
    override warn(message: string, data?: unknown): void {
        super.warn(message, data, false);
    }
    override error(message: string, data?: unknown): void {
        super.error(message, data, false);
    }
}

/** The state of the extension: the running session, the last status, the pages shown. */
class Fairlead {
    private readonly log = vscode.window.createOutputChannel('fairlead', { log: true });
    private readonly item = vscode.languages.createLanguageStatusItem('fairlead.status', SELECTOR);
    /** The settings only a user may set: those that name programs, models, devices and files. */
    private readonly machine: readonly string[];
    private session: Session | undefined;
    private status: Status = { state: 'starting', message: 'starting' };
    private crashes: number[] = [];
    private queue: Promise<void> = Promise.resolve();
    private waiting: Promise<void> | undefined;
    private ended = false;

    constructor(private readonly context: vscode.ExtensionContext) {
        this.machine = machineSettings(context.extension.packageJSON);
        this.item.name = 'fairlead';
        this.item.command = { command: 'fairlead.showLog', title: 'Show Log' };
        this.setStatus(this.status);
        context.subscriptions.push(
            this.log,
            this.item,
            vscode.commands.registerCommand('fairlead.restart', () => this.restartNow()),
            vscode.commands.registerCommand('fairlead.showLog', () => this.log.show()),
            // A page of its own each time: VS Code would show the old text of a page it still knows.
            vscode.commands.registerCommand('fairlead.showStatus', () => this.open(`status.txt?${Date.now()}`)),
            vscode.commands.registerCommand('fairlead.togglePause', () => this.togglePause()),
            vscode.workspace.onDidGrantWorkspaceTrust(() => this.restart()),
            vscode.workspace.onDidChangeConfiguration((event) => {
                if (this.machine.some((name) => event.affectsConfiguration(name))) {
                    void this.restart();
                }
            }),
            vscode.workspace.registerTextDocumentContentProvider(PAGES, {
                provideTextDocumentContent: (uri) => (uri.path === '/install.txt' ? INSTALL_HELP : this.report()),
            }),
        );
    }

    /** Stops what runs and starts the server anew. Restarts are serial; those asked for while one waits are that one. */
    restart(): Promise<void> {
        this.abandonStart();
        this.waiting ??= this.queue = this.queue.then(async () => {
            this.waiting = undefined;
            await this.stop();
            if (!this.ended) {
                await this.start();
            }
        }).catch((error: unknown) => this.log.error(`restart: ${error}`));
        return this.waiting;
    }

    async end(): Promise<void> {
        this.ended = true;
        this.abandonStart();
        await this.queue;
        await this.stop();
    }

    /** A start in progress would make a restart wait for it, for ever if the server never answers. */
    private abandonStart(): void {
        if (this.session && !this.session.client.isRunning()) {
            this.session.stopping = true;
            this.session.process?.kill();
            this.session.end(new Error('abandoned'));
        }
    }

    private restartNow(): Promise<void> {
        this.crashes = [];
        return this.restart();
    }

    private async start(): Promise<void> {
        let server: Server | undefined;
        try {
            server = findServer(places());
        } catch (error) {
            if (!(error instanceof BadServer)) {
                throw error;
            }
            return this.fail(error.message, 'How to Install', 'Open Settings');
        }
        if (!server) {
            return this.fail('the language server is not installed, or not where it is looked for.', 'How to Install', 'Open Settings');
        }
        this.setStatus({ state: 'starting', message: 'starting the server' });
        this.log.info(`starting ${server.command} ${server.args.join(' ')} (${server.from})`);
        const session = this.newSession(server);
        this.session = session;
        try {
            await Promise.race([session.client.start(), session.ended]);
            this.log.info(`started, process ${session.process?.pid}`);
        } catch (error) {
            if (!session.stopping) {
                await this.stop();
                const code = session.process?.exitCode;
                const words = [code === null || code === undefined ? '' : `it ended with code ${code}`, session.lastWords].filter(Boolean).join(': ');
                this.fail(`the server did not start: ${words || (error as Error).message}`, 'Show Log', 'How to Install');
            }
        }
    }

    private newSession(server: Server): Session {
        const options: LanguageClientOptions = {
            documentSelector: SELECTOR,
            outputChannel: this.log,
            stdioOptions: {
                stdout: () => undefined,
                stderr: (stream) =>
                    createInterface(stream).on('line', (line) => {
                        this.log.info(line);
                        session.lastWords = line.trim() || session.lastWords;
                    }),
            },
            initializationOptions: () => ({ ...this.forServer(vscode.workspace.getConfiguration('fairlead')), untrusted: !vscode.workspace.isTrusted }),
            initializationFailedHandler: () => false,
            errorHandler: {
                error: () => ({ action: ErrorAction.Continue }),
                // Every start goes through `restart`, so the client itself never restarts.
                closed: () => {
                    this.closed(session);
                    return { action: CloseAction.DoNotRestart, handled: true, message: 'the connection to the server ended' };
                },
            },
            middleware: {
                workspace: {
                    configuration: async (params, token, next) => {
                        const values = await next(params, token);
                        return Array.isArray(values) ? values.map((value, at) => (params.items[at]?.section === 'fairlead' ? this.forServer(value) : value)) : values;
                    },
                    // The settings themselves are asked for by the server, through the filter above.
                    didChangeConfiguration: (_sections, next) => next(undefined),
                },
            },
        };
        const launch = async () => (session.process = await startServer(server));
        let end: Session['end'] = () => undefined;
        const ended = new Promise<never>((_, reject) => (end = reject));
        const client = new QuietClient('fairlead', 'fairlead', launch, options);
        const session: Session = { server, client, ended, end, process: undefined, lastWords: '', stopping: false };
        session.client.onNotification('fairlead/status', (status: Status) => {
            if (this.session === session) {
                this.setStatus(status);
            }
        });
        return session;
    }

    /** The section without what only this extension reads, and in a workspace that is not trusted without machine settings. */
    private forServer(section: unknown): object {
        const values = JSON.parse(JSON.stringify(section ?? {}));
        delete values.server;
        delete values.trace;
        for (const name of vscode.workspace.isTrusted ? [] : this.machine) {
            const [, ...path] = name.split('.');
            const last = path.pop()!;
            const holder = path.reduce((value, part) => value?.[part], values);
            if (holder) {
                delete holder[last];
            }
        }
        return values;
    }

    /** The connection ended. Unless we ended it, this was a crash: start again, but not for ever. */
    private closed(session: Session): void {
        if (!session.client.isRunning()) {
            session.end(new Error('it ended before it answered'));
            return;
        }
        if (session.stopping || this.session !== session) {
            return;
        }
        const now = Date.now();
        this.crashes = [...this.crashes.filter((at) => now - at < CRASH_WINDOW_MS), now];
        if (this.crashes.length > CRASHES_ALLOWED) {
            this.fail(`the server ended ${this.crashes.length} times in ${CRASH_WINDOW_MS / 60_000} minutes and is left alone.`, 'Restart', 'Show Log');
            return;
        }
        this.log.warn('the server ended unexpectedly; starting it again');
        void this.restart();
    }

    private async stop(): Promise<void> {
        const session = this.session;
        if (!session) {
            return;
        }
        this.session = undefined;
        session.stopping = true;
        try {
            if (session.client.isRunning()) {
                await session.client.stop();
            }
        } catch (error) {
            this.log.warn(`stopping the server: ${error}`);
        }
        // A polite stop ends the process too; this is for one that hangs or never answered.
        await endProcess(session.process);
        await session.client.dispose().catch(() => undefined);
    }

    private setStatus(status: Status): void {
        this.status = status;
        showStatus(this.item, status);
    }

    private fail(message: string, ...buttons: Button[]): void {
        this.setStatus({ state: 'error', message });
        this.log.error(message);
        void vscode.window.showErrorMessage(`fairlead: ${message}`, ...buttons).then((button) => button && this.press(button));
    }

    private press(button: Button): void {
        const actions: Record<Button, () => unknown> = {
            'How to Install': () => this.open('install.txt'),
            'Open Settings': () => vscode.commands.executeCommand('workbench.action.openSettings', 'fairlead.server'),
            'Show Log': () => this.log.show(),
            'Restart': () => this.restartNow(),
        };
        actions[button]();
    }

    private async togglePause(): Promise<void> {
        const status = await this.ask(this.status.state === 'paused' ? 'fairlead.resume' : 'fairlead.pause');
        if (!status) {
            void vscode.window.showWarningMessage('fairlead: the server is not running.');
        }
    }

    private async report(): Promise<string> {
        await this.ask('fairlead.status');
        const { session } = this;
        return report(this.status, [
            ['Server', session ? `${session.server.command} ${session.server.args.join(' ')}` : 'not running'],
            ['Found by', session?.server.from ?? ''],
            ['Process', `${session?.process?.pid ?? ''}`],
            ['Workspace', vscode.workspace.isTrusted ? 'trusted' : 'not trusted: settings that name programs, models or devices are left at their defaults'],
            ['Extension', `${this.context.extension.packageJSON.version}, in ${vscode.env.appName} ${vscode.version}`],
        ]);
    }

    /** Runs a command of the server that answers with the status, and shows that. */
    private async ask(command: string): Promise<Status | undefined> {
        const client = this.session?.client;
        if (!client?.isRunning()) {
            return undefined;
        }
        try {
            const status = await client.sendRequest<Status>('workspace/executeCommand', { command });
            this.setStatus(status);
            return status;
        } catch (error) {
            this.log.warn(`${command}: ${error}`);
            return undefined;
        }
    }

    private async open(page: string): Promise<void> {
        const uri = vscode.Uri.parse(`${PAGES}:/${page}`);
        await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
    }
}

type Button = 'How to Install' | 'Open Settings' | 'Show Log' | 'Restart';

/** Where a server may be, as the user and the environment say. */
function places(): Parameters<typeof findServer>[0] {
    const configuration = vscode.workspace.getConfiguration('fairlead.server');
    return {
        path: userValue(configuration, 'path'),
        python: userValue(configuration, 'python'),
        env: process.env,
        forbidden: vscode.workspace.isTrusted ? [] : (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath),
    };
}

/** The user's own value. VS Code keeps workspaces from setting machine settings; this does not rely on it. */
function userValue(configuration: vscode.WorkspaceConfiguration, name: string): string {
    const value = configuration.inspect<unknown>(name)?.globalValue;
    return typeof value === 'string' ? value.trim() : '';
}

function machineSettings(manifest: { contributes: { configuration: { properties: Record<string, { scope?: string }> } } }): string[] {
    return Object.entries(manifest.contributes.configuration.properties)
        .filter(([, property]) => property.scope === 'machine')
        .map(([name]) => name);
}

/** Resolves when the process has ended: by itself, or asked to after half a second, or killed a second and a half later. */
async function endProcess(process: ChildProcess | undefined): Promise<void> {
    if (!process?.pid || process.exitCode !== null || process.signalCode !== null) {
        return;
    }
    const gone = new Promise<void>((resolve) => process.once('exit', () => resolve()));
    const timers = [setTimeout(() => process.kill(), 500), setTimeout(() => process.kill('SIGKILL'), 2000)];
    await gone;
    timers.forEach(clearTimeout);
}
