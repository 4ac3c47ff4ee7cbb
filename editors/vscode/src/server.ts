/** Finding and starting the language server: which program, with which environment, and what to say when there is none. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import * as path from 'node:path';

/** A program to start, and where the choice came from, for the report. */
export interface Server {
    readonly command: string;
    readonly args: readonly string[];
    readonly from: string;
}

/** What decides which server is started. Settings come from the user, never from a workspace. */
export interface Places {
    readonly path: string;
    readonly python: string;
    readonly env: NodeJS.ProcessEnv;
    /** Folders nothing may be started from: those of a workspace the user has not trusted. */
    readonly forbidden: readonly string[];
}

/** A place that was named but holds no program we may start. The message is for the user. */
export class BadServer extends Error {}

const MODULE = ['-E', '-P', '-m', 'fairlead.server', 'serve'];
const EXE = process.platform === 'win32' ? 'fairlead.exe' : 'fairlead';

export const INSTALL_HELP = `Installing the fairlead server

This extension is only the editor's side. The server is a Python
program (Python 3.11 or later), installed once, apart from your projects:

    git clone <the fairlead repository>
    cd fairlead
    scripts/install

Then name it in your user settings (a workspace cannot):

    "fairlead.server.path":
        "/where/you/cloned/fairlead/.venv/bin/fairlead"

or have that folder's .venv/bin on PATH when the editor starts.

The server is looked for in this order:

    1  setting fairlead.server.path: the program itself
    2  setting fairlead.server.python: an interpreter
       in whose environment fairlead is installed
    3  environment variable FAIRLEAD_SERVER: the program
    4  "fairlead" on PATH

Found, but it does not work? "fairlead doctor" in a terminal says why.
In a remote window these are the settings of the remote machine.
`;

/** The server to start, or undefined when nothing names one. Throws BadServer when a named one cannot be started. */
export function findServer({ path: named, python, env, forbidden }: Places): Server | undefined {
    if (named) {
        return { command: checked(named, 'fairlead.server.path', forbidden), args: ['serve'], from: 'setting fairlead.server.path' };
    }
    if (python) {
        return { command: checked(python, 'fairlead.server.python', forbidden), args: MODULE, from: 'setting fairlead.server.python' };
    }
    if (env.FAIRLEAD_SERVER) {
        return { command: checked(env.FAIRLEAD_SERVER, 'FAIRLEAD_SERVER', forbidden), args: ['serve'], from: 'environment variable FAIRLEAD_SERVER' };
    }
    for (const folder of (env.PATH ?? '').split(path.delimiter)) {
        const file = path.join(folder, EXE);
        // A relative entry would mean a different program in every workspace.
        if (path.isAbsolute(folder) && isProgram(file) && !isInside(file, forbidden)) {
            return { command: file, args: ['serve'], from: 'PATH' };
        }
    }
    return undefined;
}

/** Starts the server. Its working directory is the user's home, so that no workspace file can stand in for a module. Rejects
 *  where the system refuses. */
export async function startServer(server: Server): Promise<ChildProcess> {
    const started = spawn(server.command, server.args, { cwd: homedir(), env: cleanEnvironment(process.env), stdio: 'pipe' });
    await once(started, 'spawn');
    return started;
}

/** The environment without what would change which code a Python interpreter runs. */
export function cleanEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(PYTHON|__PYVENV)/i.test(name)));
}

function checked(named: string, where: string, forbidden: readonly string[]): string {
    const file = named.replace(/^~(?=[/\\])/, homedir());
    if (!path.isAbsolute(file)) {
        throw new BadServer(`${where} must be an absolute path, got "${named}".`);
    }
    if (isInside(file, forbidden)) {
        throw new BadServer(`${where} names "${named}", which is inside a workspace that is not trusted.`);
    }
    if (!isProgram(file)) {
        throw new BadServer(`${where} names "${named}", which is not a program.`);
    }
    return file;
}

function isProgram(file: string): boolean {
    try {
        accessSync(file, constants.X_OK);
        return statSync(file).isFile();
    } catch {
        return false;
    }
}

function isInside(file: string, folders: readonly string[]): boolean {
    return folders.some((folder) => {
        const relative = path.relative(folder, file);
        return !relative.startsWith('..') && !path.isAbsolute(relative);
    });
}
