/** What the server says about itself (`fairlead/status`, docs/protocol.md), as a status item and as a page to read. */

import { type LanguageStatusItem, LanguageStatusSeverity } from 'vscode';

export interface Latency {
    readonly last?: number;
    readonly p50?: number;
    readonly p95?: number;
    readonly count?: number;
}

export interface Status {
    readonly state: 'starting' | 'loading' | 'ready' | 'static' | 'paused' | 'error';
    readonly message: string;
    readonly model?: {
        readonly name?: string;
        readonly device?: string;
        readonly dtype?: string;
        readonly parameters?: number;
        readonly state?: 'absent' | 'loading' | 'ready' | 'failed';
        readonly error?: string;
    } | null;
    readonly analysis?: string;
    readonly restarts?: number;
    readonly restarted?: string;
    readonly log?: string;
    readonly latency_ms?: Readonly<Record<string, Latency>>;
    readonly nothing?: { readonly feature: string; readonly reason: string; readonly path?: string; readonly line?: number } | null;
    readonly problems?: readonly string[];
    readonly drift?: number;
    readonly shown?: number;
    readonly accepted?: number;
}

const TEXT: Record<Status['state'], string> = {
    starting: 'fairlead',
    loading: 'fairlead',
    ready: 'fairlead',
    static: 'fairlead: analysis only',
    paused: '$(debug-pause) fairlead paused',
    error: 'fairlead: error',
};

/** Makes the item say what the status says; `detail` is why nothing was offered, when nothing was. */
export function showStatus(item: LanguageStatusItem, status: Status): void {
    item.text = TEXT[status.state] ?? 'fairlead';
    item.busy = status.state === 'starting' || status.state === 'loading';
    item.severity = severity(status);
    item.detail = status.problems?.[0] ?? detail(status);
}

function severity(status: Status): LanguageStatusSeverity {
    if (status.state === 'error') {
        return LanguageStatusSeverity.Error;
    }
    const wrong = status.model?.state === 'failed' || (status.problems?.length ?? 0) > 0;
    return wrong ? LanguageStatusSeverity.Warning : LanguageStatusSeverity.Information;
}

function detail(status: Status): string {
    if (status.state === 'paused') {
        return 'nothing is offered until it is resumed';
    }
    const nothing = status.state === 'ready' ? status.nothing : undefined;
    return nothing ? `${nothing.feature}: nothing offered, ${nothing.reason}` : status.message;
}

/** A page for a person: what runs, why the last request offered nothing, how fast it answers, what is wrong. */
export function report(status: Status, about: readonly Row[]): string {
    const lines = ['fairlead', '', `${status.state}: ${status.message}`];
    const nothing = status.nothing;
    if (nothing) {
        const at = nothing.path ? ` (${nothing.path}${nothing.line === undefined ? '' : `, line ${nothing.line}`})` : '';
        lines.push('', `The last ${nothing.feature} request offered nothing${at}:`, `    ${nothing.reason}`);
    }
    if (status.problems?.length) {
        lines.push('', 'Problems', ...status.problems.map((problem) => `    ${problem}`));
    }
    lines.push('', 'What runs', ...columns(rows(status, about)));
    const latencies = Object.entries(status.latency_ms ?? {}).filter(([, latency]) => latency.count);
    if (latencies.length) {
        const table = latencies.map(([feature, l]) => [feature, ms(l.last), ms(l.p50), ms(l.p95), `${l.count}`]);
        lines.push('', 'Answers, in milliseconds', ...columns([['', 'last', 'p50', 'p95', 'requests'], ...table]));
    }
    return `${lines.join('\n')}\n`;
}

type Row = readonly string[];

function rows(status: Status, about: readonly Row[]): Row[] {
    const model = status.model;
    const size = model?.parameters ? `${(model.parameters / 1e6).toFixed(1)} million parameters` : '';
    const parts = [model?.state, model?.name, model?.device && `on ${model.device}`, model?.dtype, size, model?.error];
    return [
        ['Model', parts.filter(Boolean).join(', ')],
        ['Analysis', status.analysis ?? ''],
        ['Analysis restarted', status.restarts ? `${status.restarts} (the last time: ${status.restarted ?? ''})` : ''],
        ...about,
        ['Log of the server', status.log ?? ''],
        ['Offers shown', status.shown === undefined ? '' : `${status.shown}`],
        ['Offers taken', status.accepted === undefined ? '' : `${status.accepted}`],
        ['Documents out of step', status.drift ? `${status.drift}` : ''],
    ].filter(([, value]) => value);
}

/** Rows as text, every column as wide as its widest cell. */
function columns(table: readonly Row[]): string[] {
    const widths = (table[0] ?? []).map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
    return table.map((row) => `    ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ').trimEnd()}`);
}

function ms(value: number | undefined): string {
    return value === undefined ? '' : value.toFixed(0);
}
