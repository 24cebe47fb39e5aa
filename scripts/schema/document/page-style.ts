// Gives the style sheet of the page, light and dark.
export const style = `
:root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --ink: #1c2430; --soft: #667085; --line: #dfe3ea;
  --accent: #2f6fde; --tint: #e9f0fd; --key: #a15c00; --mark: #fff1a8; }
@media (prefers-color-scheme: dark) { :root { --back: #14181f; --card: #1c222c; --ink: #e6e9ef; --soft: #98a2b3;
  --line: #313947; --accent: #7aa7ff; --tint: #23324d; --key: #f0b35a; --mark: #5c5015; } }
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body { display: grid; grid-template-columns: 290px minmax(0, 1fr); background: var(--back); color: var(--ink);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
[hidden] { display: none !important; }
code, .type, svg text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
aside { display: flex; flex-direction: column; height: 100vh; border-right: 1px solid var(--line); background: var(--card); }
aside header { padding: 18px 18px 12px; border-bottom: 1px solid var(--line); }
h1 { margin: 0 0 10px; font-size: 17px; }
input, select, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 7px; padding: 5px 10px; }
input:focus-visible, select:focus-visible, button:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
button { cursor: pointer; }
button:hover { border-color: var(--accent); }
button[aria-pressed=true] { background: var(--tint); border-color: var(--accent); color: var(--accent); }
input[type=search] { width: 100%; }
.count { margin: 8px 0 0; color: var(--soft); font-size: 12.5px; }
nav { overflow: auto; padding: 6px 10px 20px; }
nav h2 { margin: 14px 8px 4px; font-size: 11.5px; letter-spacing: .06em; color: var(--soft); overflow-wrap: anywhere; }
nav a { display: flex; justify-content: space-between; gap: 8px; padding: 3px 8px; border-radius: 6px; color: inherit;
  text-decoration: none; overflow-wrap: anywhere; }
nav a:hover, nav a[aria-current=true] { background: var(--tint); color: var(--accent); }
nav small { color: var(--soft); white-space: nowrap; }
main { display: flex; flex-direction: column; height: 100vh; min-width: 0; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 14px; padding: 12px 22px; border-bottom: 1px solid var(--line); }
.bar label { display: flex; align-items: center; gap: 6px; color: var(--soft); }
.bar .grow { flex: 1; }
#tables { overflow: auto; padding: 20px 22px 60vh; }
article { max-width: 1180px; margin: 0 auto 20px; padding: 16px 20px 18px; background: var(--card); border: 1px solid var(--line);
  border-radius: 11px; content-visibility: auto; contain-intrinsic-size: auto 360px; }
article.chosen { border-color: var(--accent); box-shadow: 0 0 0 2px var(--tint); }
article > header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 10px; }
article h2 { margin: 0; font-size: 17px; overflow-wrap: anywhere; }
article h2 span { color: var(--soft); font-weight: 400; }
article header button { margin-left: auto; font-size: 12.5px; padding: 2px 9px; }
.kind { padding: 0 8px; border-radius: 20px; background: var(--tint); color: var(--accent); font-size: 12px; }
.origin { margin: 2px 0 0; color: var(--soft); font-size: 12.5px; overflow-wrap: anywhere; }
.comment { margin: 8px 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin-top: 12px; }
table { width: 100%; border-collapse: collapse; }
th { padding: 4px 10px 4px 0; text-align: left; font-size: 12px; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--line); }
td { padding: 5px 10px 5px 0; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; }
td.name { font-weight: 600; min-width: 120px; }
td.since { color: var(--soft); font-size: 12px; }
td.comment { white-space: pre-wrap; }
.type, td code { font-size: 12.5px; }
.key { margin-right: 6px; color: var(--key); font-size: 12px; font-weight: 600; }
a.to { color: var(--accent); text-decoration: none; }
a.to:hover { text-decoration: underline; }
mark { background: var(--mark); color: inherit; border-radius: 3px; }
h3 { margin: 14px 0 4px; font-size: 12px; color: var(--soft); }
article ul { margin: 0; padding-left: 18px; overflow-wrap: anywhere; }
#diagram { display: flex; flex-direction: column; flex: 1; min-height: 0; }
#diagram svg { flex: 1; min-height: 0; width: 100%; cursor: grab; touch-action: none; }
svg .box { fill: var(--card); stroke: var(--line); stroke-width: 1.2; }
svg .head { fill: var(--tint); }
svg .entity { cursor: pointer; }
svg .entity:hover .box, svg .entity.chosen .box { stroke: var(--accent); stroke-width: 2; }
svg text { font-size: 12px; fill: var(--ink); }
svg text.title { font-weight: 700; }
svg text.type { fill: var(--soft); font-size: 11px; }
svg text.mark { fill: var(--key); font-size: 10px; font-weight: 700; }
svg path.edge { fill: none; stroke: var(--soft); stroke-width: 1.3; }
svg path.edge:hover { stroke: var(--accent); stroke-width: 2.5; }
svg path.optional { stroke-dasharray: 5 4; }
svg marker path { fill: none; stroke: var(--soft); stroke-width: 1.3; }
.empty { padding: 40px; color: var(--soft); text-align: center; }
@media (max-width: 760px) { body { display: block; } aside { height: 38vh; border-right: 0; } main { height: 62vh; } }
@media print { body { display: block; } aside, .bar { display: none; } main, #tables { display: block; height: auto; overflow: visible; } }
`;
