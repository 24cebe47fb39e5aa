// Takes findings; gives a SARIF 2.1.0 log for GitHub code scanning. Pure: it reads and writes no file.
// The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
import type { Finding } from '../base/types.ts';
import { rules } from './rules/rules.ts';

const levels = { error: 'error', warning: 'warning', info: 'note' } as const;
const schema = 'https://json.schemastore.org/sarif-2.1.0.json';

/**
 * @param toolVersion as in package.json
 * @returns the log as a value; `JSON.stringify` makes the file
 */
export function toSarif(findings: readonly Finding[], toolVersion: string): SarifLog {
  const ids = [...new Set(findings.map(({ rule }) => rule))].sort();
  const driver = {
    name: 'migrate lint',
    semanticVersion: toolVersion,
    rules: ids.map(toRule),
  };
  return {
    $schema: schema,
    version: '2.1.0',
    runs: [
      {
        tool: { driver },
        columnKind: 'unicodeCodePoints',
        results: findings.map((finding) => toResult(finding, ids)),
      },
    ],
  };
}

function toRule(id: string): SarifRule {
  const { summary, why, severity } = rules[id] ?? { summary: id, why: id, severity: 'warning' as const };
  return {
    id,
    name: id
      .split('-')
      .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
      .join(''),
    shortDescription: { text: summary },
    fullDescription: { text: why },
    help: { text: why, markdown: why },
    defaultConfiguration: { level: levels[severity] },
  };
}

function toResult(finding: Finding, ids: readonly string[]): SarifResult {
  const { rule, severity, file, line, column, message, help } = finding;
  return {
    ruleId: rule,
    ruleIndex: ids.indexOf(rule),
    level: levels[severity],
    message: { text: `${message}\n\n${help}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: toUri(file), uriBaseId: '%SRCROOT%' },
          region: { startLine: line, startColumn: column },
        },
      },
    ],
    // What stays the same when lines move: code scanning then knows the finding again.
    partialFingerprints: { 'migrateFinding/v1': `${rule}:${file}:${message}` },
  };
}

/** A relative path as a relative URI. */
function toUri(file: string): string {
  return file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/');
}

interface Text {
  readonly text: string;
}

interface SarifRule {
  readonly id: string;
  readonly name: string;
  readonly shortDescription: Text;
  readonly fullDescription: Text;
  readonly help: Text & { readonly markdown: string };
  readonly defaultConfiguration: { readonly level: string };
}

interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: Text;
  readonly locations: readonly {
    readonly physicalLocation: {
      readonly artifactLocation: { readonly uri: string; readonly uriBaseId: string };
      readonly region: { readonly startLine: number; readonly startColumn: number };
    };
  }[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
}

export interface SarifLog {
  readonly $schema: string;
  readonly version: '2.1.0';
  readonly runs: readonly {
    readonly tool: {
      readonly driver: {
        readonly name: string;
        readonly semanticVersion: string;
        readonly rules: readonly SarifRule[];
      };
    };
    readonly columnKind: 'unicodeCodePoints';
    readonly results: readonly SarifResult[];
  }[];
}
