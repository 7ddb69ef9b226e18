// Draws the panels of a dashboard, from what its queries have answered, with
// Grafana's own components. What Grafana's server adds to a panel of the file (its
// defaults, names of series, the place in the grid) is done here.
import { createRoot } from 'react-dom/client';
import { createTheme, dateTime, FieldType, getDisplayProcessor, toDataFrame } from '@grafana/data';
import { BigValue, GlobalStyles, PanelChrome, ThemeContext, TimeSeries } from '@grafana/ui';

const theme = createTheme({ colors: { mode: 'dark' } });
const timeZone = 'utc';
const { dashboard, answers, from, to, step, width, cell, gap } = window.drawing;
const range = { from: dateTime(from * 1000), to: dateTime(to * 1000), raw: { from: dateTime(from * 1000), to: dateTime(to * 1000) } };

// What Grafana's time series panel has where the file says nothing.
const custom = {
  drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', spanNulls: false,
  showPoints: 'auto', pointSize: 5, stacking: { mode: 'none', group: 'A' }, axisPlacement: 'auto', axisColorMode: 'text',
  axisBorderShow: false, axisCenteredZero: false, axisLabel: '', scaleDistribution: { type: 'linear' },
  hideFrom: { tooltip: false, viz: false, legend: false }, thresholdsStyle: { mode: 'off' }, insertNulls: false,
};

const named = (format, labels) => format.replace(/{{\s*(\w+)\s*}}/g, (_, label) => labels[label] ?? '').trim();

// frames are the answers to a panel's queries, one for each series.
function frames(panel, color) {
  const { defaults } = panel.fieldConfig;
  let seriesIndex = 0;
  return answers[panel.id].flatMap((series, n) => series.map(({ metric, values }) => {
    const config = {
      color: { mode: color }, ...defaults,
      custom: { ...custom, ...defaults.custom, stacking: { ...custom.stacking, ...defaults.custom?.stacking } },
      displayNameFromDS: named(panel.targets[n].legendFormat, metric) || panel.title,
    };
    const at = new Map(values.map(([time, value]) => [Math.round(time), value === 'NaN' ? null : Number(value)]));
    const times = [];
    for (let time = from; time <= to; time += step) times.push(time);
    const frame = toDataFrame({
      refId: panel.targets[n].refId,
      fields: panel.targets[n].instant
        ? [{ name: 'Value', type: FieldType.number, values: values.map(([, value]) => Number(value)), labels: metric, config }]
        : [
            { name: 'Time', type: FieldType.time, values: times.map((time) => time * 1000), config: { interval: step * 1000 } },
            { name: 'Value', type: FieldType.number, values: times.map((time) => at.get(time) ?? null), labels: metric, config },
          ],
    });
    for (const field of frame.fields) {
      if (field.type === FieldType.number) field.state = { seriesIndex: seriesIndex++, multipleFrames: true };
      field.display = getDisplayProcessor({ field, theme, timeZone });
    }
    return frame;
  }));
}

function Stat({ panel, width, height }) {
  const fields = frames(panel, 'thresholds').map((frame) => frame.fields[0]);
  if (fields.length === 0) return <div className="nothing">No data</div>;
  return fields.map((field) => (
    <BigValue key={field.config.displayNameFromDS} theme={theme} width={width} height={height / fields.length}
      value={{ ...field.display(field.values[field.values.length - 1]), title: field.config.displayNameFromDS }}
      colorMode={panel.options.colorMode} graphMode={panel.options.graphMode} textMode={panel.options.textMode ?? 'value'} />
  ));
}

function Graph({ panel, width, height }) {
  const all = frames(panel, 'palette-classic');
  if (all.length === 0) return <div className="nothing">No data</div>;
  const legend = { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [], ...panel.options.legend };
  return (
    <TimeSeries frames={all} width={width} height={height} timeRange={range} timeZone={timeZone} legend={legend} options={{}}>
      {() => null}
    </TimeSeries>
  );
}

const kinds = { stat: Stat, timeseries: Graph };

function Panel({ panel }) {
  const { x, y, w, h } = panel.gridPos, column = (width - gap) / 24;
  const Kind = kinds[panel.type];
  return (
    <div style={{ position: 'absolute', left: gap + x * column, top: gap + y * (cell + gap) }}>
      <PanelChrome title={panel.title} description={panel.description} width={w * column - gap} height={h * (cell + gap) - gap}>
        {(innerWidth, innerHeight) => <Kind panel={panel} width={innerWidth} height={innerHeight} />}
      </PanelChrome>
    </div>
  );
}

createRoot(document.getElementById('dashboard')).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    {dashboard.panels.map((panel) => <Panel key={panel.id} panel={panel} />)}
  </ThemeContext.Provider>,
);
