// How long each answer took, turn by turn: the figure by which a voice agent feels quick or slow.
import type { Answer, Call } from "../model.ts";
import {
  type Density,
  densityOf,
  isNumbered,
  lineLabel,
  median,
  type Scale,
  SHOWN_ANSWERS,
  scaleOf,
  stripName,
} from "./answer_scale.ts";

interface BarProps {
  readonly answer: Answer;
  readonly scale: Scale;
  readonly density: Density;
  readonly latest: boolean;
}

function Bar({ answer, scale, density, latest }: BarProps) {
  const milliseconds = Math.round(answer.milliseconds);
  const height = `${((answer.milliseconds / scale.top) * 100).toFixed(2)}%`;
  return (
    <div
      class="bar"
      data-answer={answer.number}
      data-latest={latest ? "" : undefined}
      title={`Turn ${answer.number}: ${milliseconds} ms`}
    >
      <div class="bar-column" style={{ height }}>
        <span class="bar-value">{milliseconds}</span>
      </div>
      {isNumbered(answer, density) ? <span class="bar-number">{answer.number}</span> : null}
    </div>
  );
}

function Gridlines({ scale, middle }: { readonly scale: Scale; readonly middle: number | null }) {
  const up = (value: number) => ({ bottom: `${((value / scale.top) * 100).toFixed(2)}%` });
  return (
    <>
      {scale.lines.map((line) => (
        <div key={line} class="gridline" style={up(line)}>
          <span>{lineLabel(line)}</span>
        </div>
      ))}
      {middle === null ? null : <div class="gridline median-line" style={up(middle)} />}
    </>
  );
}

function Summary({ middle, latest }: { readonly middle: number; readonly latest: number }) {
  return (
    <dl class="answer-summary">
      <div>
        <dt>last</dt>
        <dd>{Math.round(latest)} ms</dd>
      </div>
      <div class="median-key">
        <dt>median</dt>
        <dd>{middle} ms</dd>
      </div>
    </dl>
  );
}

export function LatencyStrip({ call }: { readonly call: Call }) {
  const answers = call.answers.value;
  const shown = answers.slice(-SHOWN_ANSWERS);
  const values = shown.map((answer) => answer.milliseconds);
  const middle = median(answers.map((answer) => answer.milliseconds));
  const scale = scaleOf(values);
  const density = densityOf(shown.length);
  const latest = answers.at(-1);
  return (
    <section class="panel latency" data-empty={latest === undefined ? "" : undefined}>
      <div class="panel-head">
        <h2>Answer times</h2>
        {middle === null || latest === undefined ? null : <Summary middle={middle} latest={latest.milliseconds} />}
      </div>
      <div class="strip" role="img" aria-label={stripName(shown)} data-density={density}>
        <div class="plot">
          <Gridlines scale={scale} middle={middle} />
          {shown.map((answer) => (
            <Bar key={answer.number} answer={answer} scale={scale} density={density} latest={answer === latest} />
          ))}
        </div>
      </div>
      <p class="note">
        {latest === undefined ? "From the end of your words to the bot's first sound, one bar a turn." : null}
        {latest !== undefined ? "End of your words to the bot's first sound, turn by turn." : null}
        {answers.length > shown.length ? ` The last ${shown.length} of ${answers.length}.` : null}
      </p>
    </section>
  );
}
