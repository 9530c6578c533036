#include "trainer/report/style.hpp"

namespace hone {

const std::string_view kStyle = R"(
:root {
  color-scheme: light dark;
  --bg: #f4f6f8; --card: #ffffff; --ink: #1b2430; --soft: #566273; --line: #dde3ea; --grid: #e9edf2;
  --good: #1a7f37; --bad: #b42318; --none: #8a6100; --accent: #0b62c4;
  --k0: #6b7683; --k1: #0b62c4; --k2: #d9580f; --k3: #2b8a3e; --k4: #9c36b5; --k5: #0c8599; --k6: #c2255c;
  --k7: #8f6a00; --kx: #b5bec9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0e1319; --card: #161c24; --ink: #e5eaf0; --soft: #9aa8b8; --line: #2b3643; --grid: #222b36;
    --good: #4ac26b; --bad: #ff7b72; --none: #e0b341; --accent: #58a6ff;
    --k0: #a3aebb; --k1: #58a6ff; --k2: #ff9f5a; --k3: #63d07f; --k4: #d69bf0; --k5: #4cc9d9; --k6: #ff7fae;
    --k7: #d9b44a; --kx: #46525f;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 40px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 20px 24px;
  margin: 0 0 18px; }
h1 { font-size: 28px; line-height: 1.2; margin: 2px 0 6px; }
h2 { font-size: 17px; margin: 0 0 12px; }
h3 { font-size: 14px; margin: 18px 0 6px; color: var(--soft); font-weight: 600; }
p { margin: 6px 0; }
h1, h2, h3, p, li, dd, pre, .text { overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.mono, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; }
pre { margin: 0; white-space: pre-wrap; line-height: 1.45; }
ul { margin: 6px 0; padding-left: 20px; }

.met, .missed, .none { border-left: 6px solid var(--v); padding-left: 20px; }
.met { --v: var(--good); } .missed { --v: var(--bad); } .none { --v: var(--none); }
h1 { color: var(--v); }
.name { font-weight: 600; color: var(--soft); }
.split { display: grid; grid-template-columns: minmax(0, 6fr) minmax(0, 5fr); gap: 28px; align-items: center; }
.facts { display: grid; grid-template-columns: auto 1fr; gap: 4px 16px; margin: 14px 0 0; align-items: baseline; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; }
.big { font-size: 20px; font-weight: 650; }

svg { display: block; width: 100%; height: auto; overflow: hidden; }
svg text { font-family: inherit; font-size: 12.5px; fill: var(--ink); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 12px 24px; }
svg .title { font-size: 14px; font-weight: 600; }
svg .tick, svg .unit { fill: var(--soft); }
.grid { stroke: var(--grid); stroke-width: 1; }
.axis { stroke: var(--soft); stroke-width: 1; fill: none; }
.target { stroke: var(--ink); stroke-width: 1.3; stroke-dasharray: 2 4; fill: none; }
svg .target-text { font-style: italic; fill: var(--soft); paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
.line { fill: none; stroke: var(--c); stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
.line.train { stroke-width: 1.6; stroke-dasharray: 6 4; opacity: .75; }
.line.cx { stroke-width: 1; }
.mark { fill: var(--c); stroke: var(--card); stroke-width: .8; }
.mark.train { opacity: .75; }
.whisker { stroke: var(--c); stroke-width: 2.5; fill: none; }
.lead { stroke: var(--c); stroke-width: 1; opacity: .45; fill: none; }
svg .end { fill: var(--c); font-weight: 600; }
.c0 { --c: var(--k0); } .c1 { --c: var(--k1); } .c2 { --c: var(--k2); } .c3 { --c: var(--k3); }
.c4 { --c: var(--k4); } .c5 { --c: var(--k5); } .c6 { --c: var(--k6); } .c7 { --c: var(--k7); } .cx { --c: var(--kx); }
.legend { list-style: none; margin: 10px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 22px; font-size: 13.5px; }
.legend li { display: flex; align-items: center; gap: 8px; min-width: 0; }
.legend svg { width: 38px; height: 12px; flex: none; }

.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-size: 13px; font-weight: 600; }
tbody th { font-weight: 600; white-space: nowrap; }
.n { text-align: right; white-space: nowrap; }
tr.best th, tr.best td { background: rgba(64, 140, 230, .11); }
tr th:first-child { padding-left: 8px; }
td { white-space: nowrap; }
td.text { white-space: normal; min-width: 200px; }
.matrix { width: auto; }
.matrix td, .matrix th { text-align: right; padding: 5px 8px; border: 1px solid var(--line); min-width: 42px; }
.matrix thead th, .matrix tbody th { max-width: 110px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.matrix .zero { color: var(--soft); opacity: .6; }
.matrix .right { font-weight: 700; }
.g1 { background: rgba(26, 127, 55, .08); } .g2 { background: rgba(26, 127, 55, .15); }
.g3 { background: rgba(26, 127, 55, .22); } .g4 { background: rgba(26, 127, 55, .30); }
.g5 { background: rgba(26, 127, 55, .40); }
.r1 { background: rgba(217, 88, 15, .10); } .r2 { background: rgba(217, 88, 15, .20); }
.r3 { background: rgba(217, 88, 15, .30); } .r4 { background: rgba(217, 88, 15, .42); }
.r5 { background: rgba(217, 88, 15, .56); }
.mistakes { display: flex; flex-wrap: wrap; gap: 0 44px; }
.mistakes > * { flex: 1 1 380px; min-width: 0; }
.mistakes > .first { flex: 0 1 auto; max-width: 100%; }
.mistakes td { padding-top: 5px; padding-bottom: 5px; }
.columns { columns: 320px 3; }

@media (max-width: 760px) {
  .split { grid-template-columns: minmax(0, 1fr); }
  section { padding: 16px; }
}
@media print {
  :root { --bg: #fff; --line: #bbb; --soft: #444; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  section { border-radius: 0; break-inside: auto; }
  h2, h3, tr, svg, .legend { break-inside: avoid; break-after: auto; }
  h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)";

}  // namespace hone
