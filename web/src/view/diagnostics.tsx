// How the call travels, behind one click: for the caller in a sentence, for support in figures.
import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { Call, ConnectionReport, RelayTest, SelfTest } from "../model.ts";
import { WhyNot } from "./alert.tsx";
import { candidateName, factsOf, relayWords, summaryOf } from "./connection_words.ts";
import { CopyButton } from "./copy_button.tsx";
import { BadIcon, ChevronIcon, DashIcon, GoodIcon } from "./icons.tsx";

function Candidates({ report }: { readonly report: ConnectionReport }) {
  return (
    <table>
      <caption>Candidates gathered</caption>
      <thead>
        <tr>
          <th scope="col">Kind</th>
          <th scope="col">Carried by</th>
          <th scope="col">Count</th>
        </tr>
      </thead>
      <tbody>
        {report.gathered.map((candidate) => (
          <tr key={`${candidate.type} ${candidate.carrier}`}>
            <td>{candidateName(candidate.type)}</td>
            <td>{candidate.carrier}</td>
            <td>{candidate.count}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Report({ report }: { readonly report: ConnectionReport }) {
  return (
    <div class="report">
      <p class="sentence" data-sentence>
        {report.sentence}
      </p>
      <dl class="facts">
        {factsOf(report).map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {report.gathered.length === 0 ? null : <Candidates report={report} />}
    </div>
  );
}

function OutcomeIcon({ outcome }: { readonly outcome: RelayTest["outcome"] }) {
  if (outcome === "testing") return <span class="spinner" aria-hidden="true" />;
  if (outcome === "reachable") return <GoodIcon />;
  return outcome === "unreachable" ? <BadIcon /> : <DashIcon />;
}

function SelfTestResults({ test }: { readonly test: SelfTest }) {
  return (
    <div class="self-test">
      <ul>
        {test.results.map((result) => (
          <li key={`${result.carrier} ${result.port}`} data-relay={result.carrier} data-outcome={result.outcome}>
            <OutcomeIcon outcome={result.outcome} />
            <strong>
              {result.carrier}
              {result.port === null ? null : <small> port {result.port}</small>}
            </strong>
            <span>{relayWords(result)}</span>
          </li>
        ))}
      </ul>
      <p class="sentence" role="status" data-self-test-sentence>
        {test.running ? "Asking the relays…" : test.sentence}
      </p>
    </div>
  );
}

/** Runs the test, and keeps why it could not run. */
function TestButton({ run, running }: { readonly run: () => Promise<void>; readonly running: boolean }) {
  const starting = useSignal(false);
  const failed = useSignal<unknown>(null);
  const press = async () => {
    starting.value = true;
    failed.value = null;
    try {
      await run();
    } catch (error) {
      failed.value = error;
    } finally {
      starting.value = false;
    }
  };
  return (
    <>
      <button type="button" class="button" disabled={running || starting.value} onClick={() => void press()}>
        Test my network
      </button>
      {failed.value === null ? null : <WhyNot error={failed.value} />}
    </>
  );
}

export interface DiagnosticsProps {
  readonly call: Call;
  readonly selfTest: ReadonlySignal<SelfTest | null>;
  /** null where no deployed transport uses a relay. Rejects where the test can't run. */
  readonly testNetwork: (() => Promise<void>) | null;
  readonly diagnosticsText: () => string;
}

function Opened({ call, selfTest, testNetwork, diagnosticsText }: DiagnosticsProps) {
  const report = call.connection.value;
  const test = selfTest.value;
  return (
    <section class="opened" id="connection" aria-label="Connection">
      {report === null ? (
        <p class="placeholder">There is nothing to tell before a call. The network can be tested without one.</p>
      ) : (
        <Report report={report} />
      )}
      {test === null ? null : <SelfTestResults test={test} />}
      <div class="diagnostics-actions">
        {testNetwork === null ? null : <TestButton run={testNetwork} running={test?.running ?? false} />}
        <CopyButton text={diagnosticsText} done="Copied">
          Copy as text
        </CopyButton>
      </div>
    </section>
  );
}

export function Diagnostics(props: DiagnosticsProps) {
  const open = useSignal(false);
  const report = props.call.connection.value;
  return (
    <div class="panel diagnostics" data-open={open.value ? "" : undefined}>
      <div class="diagnostics-head">
        <h2>
          <button
            type="button"
            class="disclosure"
            aria-expanded={open.value}
            aria-controls={open.value ? "connection" : undefined}
            onClick={() => {
              open.value = !open.value;
            }}
          >
            <ChevronIcon />
            <span>Connection</span>
          </button>
        </h2>
        {report === null ? null : <p class="summary">{summaryOf(report)}</p>}
      </div>
      {open.value ? <Opened {...props} /> : null}
    </div>
  );
}
