"""The style sheet of the status page."""

STYLE = """
:root{color-scheme:light dark;--text:#1c2430;--soft:#5a6675;--line:#dbe1e8;--back:#f6f8fa;--card:#fff;
--good:#12673b;--good-back:#d9f2e3;--fair:#7a4b00;--fair-back:#fdecc8;--bad:#a01622;--bad-back:#fddede}
@media (prefers-color-scheme:dark){:root{--text:#e4e9f0;--soft:#9aa7b6;--line:#2e3946;--back:#12171d;--card:#1a2129;
--good:#7fe0a8;--good-back:#123823;--fair:#f3c56b;--fair-back:#3d2d0c;--bad:#ff9a9f;--bad-back:#471a1e}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:15px/1.45 system-ui,sans-serif}
main{max-width:1200px;margin:0 auto;padding:24px 20px 48px}
header{display:flex;flex-wrap:wrap;align-items:baseline;justify-content:space-between;gap:4px 16px}
h1{margin:0;font-size:26px}h1 small{font-weight:400;font-size:15px;color:var(--soft)}
h1 .badge{font-size:14px;vertical-align:middle}
h2{margin:28px 0 8px;font-size:18px}.at{margin:0;color:var(--soft)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:10px;margin:16px 0 0}
dl div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 12px}
dt{color:var(--soft);font-size:13px}dd{margin:2px 0 0;font-weight:600;overflow-wrap:anywhere}
.wide{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:8px}
table{border-collapse:collapse;width:100%}
th,td{padding:7px 12px;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-size:13px;color:var(--soft);white-space:nowrap}tbody tr:last-child td{border-bottom:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
.badge{display:inline-block;padding:1px 9px;border-radius:10px;font-size:13px;font-weight:600;white-space:nowrap}
.good{color:var(--good);background:var(--good-back)}
.fair{color:var(--fair);background:var(--fair-back)}
.bad{color:var(--bad);background:var(--bad-back)}
@media (max-width:720px){main{padding:16px 12px 32px}thead{display:none}
tr{display:block;padding:6px 0;border-bottom:1px solid var(--line)}tr:last-child{border-bottom:0}
td,.n{display:grid;grid-template-columns:96px 1fr;gap:8px;padding:2px 12px;border:0;text-align:left;
white-space:normal;
overflow-wrap:anywhere}td:empty{display:none}td::before{content:attr(data-head);color:var(--soft);font-size:13px}
td .badge{justify-self:start}}
"""
