// The look of Cuir's page: leather and paper, light or dark as the reader's system is, one column on a phone.
export const pageStyle = `
:root{color-scheme:light dark;
--paper:light-dark(#f7f3ee,#171311);--card:light-dark(#fffdfa,#201b18);--edge:light-dark(#e5dbcf,#372f29);
--ink:light-dark(#251c16,#f3ece4);--soft:light-dark(#6a5b4f,#b5a798);--leather:light-dark(#8a4a1c,#e0a36b);
--up:light-dark(#1c7a4a,#4fc48b);--down:light-dark(#c3272d,#ff7b72);--degraded:light-dark(#9a5b00,#f0b545);
--unknown:light-dark(#5747c2,#a99dff);--new:light-dark(#6a5b4f,#b5a798);
--down-wash:light-dark(#fdf0ee,#33191a);--unknown-wash:light-dark(#f3f1fd,#221f38);--degraded-wash:light-dark(#fdf5e6,#2f2414);
--empty:light-dark(#ece4da,#2f2823);--mood:var(--up)}
[data-mood=down]{--mood:var(--down)}[data-mood=degraded]{--mood:var(--degraded)}
[data-mood=unknown]{--mood:var(--unknown)}[data-mood=new]{--mood:var(--new)}
*{box-sizing:border-box}
html{background:var(--paper);color:var(--ink);font:15px/1.45 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
-webkit-text-size-adjust:100%;border-top:5px solid var(--mood);min-height:100%}
body{margin:0 auto;max-width:1280px;padding:clamp(16px,3vw,40px)}
:focus-visible{outline:3px solid var(--leather);outline-offset:2px;border-radius:6px}
a{color:var(--leather)}
.unseen,.search span{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:absolute;left:-999px;top:8px;background:var(--card);padding:8px 14px;border-radius:8px;z-index:3}
.skip:focus{left:16px}
.shapes{position:absolute}
.brand{display:flex;align-items:center;gap:10px;margin:0;color:var(--leather);font-weight:650;letter-spacing:.01em}
.brand svg{width:40px;height:15px;fill:currentColor}.brand span{color:var(--soft);font-weight:400;overflow-wrap:anywhere}
h1{margin:10px 0 4px;font-size:clamp(26px,4.6vw,42px);line-height:1.12;letter-spacing:-.022em;font-weight:720;text-wrap:balance}
html[data-mood=down] h1,html[data-mood=degraded] h1,html[data-mood=unknown] h1{color:var(--mood)}
.pulse{display:flex;align-items:center;gap:8px;margin:6px 0 0;color:var(--soft)}
.pulse::before{content:"";width:8px;height:8px;border-radius:50%;background:var(--up)}
.pulse[hidden]{display:none}.pulse.lost{color:var(--down);font-weight:600}.pulse.lost::before{background:var(--down)}
form{display:flex;flex-wrap:wrap;align-items:center;gap:12px;margin:26px 0 14px}
.search{flex:1 1 240px;max-width:400px}
input[type=search]{width:100%;font:inherit;color:inherit;background:var(--card);border:1px solid var(--edge);border-radius:999px;padding:9px 18px}
input::placeholder{color:var(--soft);opacity:1}
fieldset{display:flex;flex-wrap:wrap;gap:6px;border:0;margin:0;padding:0}
legend{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.chip{display:inline-flex;align-items:center;gap:7px;padding:8px 14px;border:1px solid var(--edge);border-radius:999px;background:var(--card);cursor:pointer}
.chip[hidden]{display:none}
.chip input{position:absolute;opacity:0;width:1px;height:1px;margin:0}
.chip b{font-variant-numeric:tabular-nums;font-weight:600;color:var(--soft)}
.chip:hover{border-color:var(--leather)}
.chip:has(:checked){background:var(--ink);border-color:var(--ink);color:var(--paper)}
.chip:has(:checked) b{color:inherit}.chip:has(:checked) .mark{--of:var(--paper);--on:var(--ink)}
.chip:has(:focus-visible){outline:3px solid var(--leather);outline-offset:2px}
button{font:inherit;font-weight:600;color:var(--paper);background:var(--leather);border:0;border-radius:999px;padding:9px 20px;cursor:pointer}
.live button{display:none}
.mark{width:16px;height:16px;flex:none;fill:var(--of,currentColor);--of:var(--new)}
.sign,.ring{fill:none;stroke:var(--on,var(--card));stroke-width:1.9;stroke-linecap:round;stroke-linejoin:round}
.ring{stroke:var(--of,currentColor);stroke-width:2.5;stroke-dasharray:3.4 3.4}
.mark:has([href="#up"]){--of:var(--up)}.mark:has([href="#down"]){--of:var(--down)}
.mark:has([href="#degraded"]){--of:var(--degraded)}.mark:has([href="#unknown"]){--of:var(--unknown)}
table{display:block;background:var(--card);border:1px solid var(--edge);border-radius:16px;overflow:clip;box-shadow:0 1px 2px rgb(60 40 20/.05),0 8px 30px rgb(60 40 20/.05)}
thead,tbody{display:block}
tr{display:grid;grid-template-columns:138px minmax(150px,1.5fr) minmax(160px,1.1fr) 88px minmax(150px,1.1fr) minmax(150px,1.3fr);gap:0 18px;align-items:center;padding:10px 20px}
tbody tr{border-top:1px solid var(--edge);content-visibility:auto;contain-intrinsic-size:auto 61px;min-height:61px}
tr[hidden]{display:none}
thead tr{padding-block:11px}
thead th{font-size:12.5px;font-weight:600;color:var(--soft);text-align:left}
td,tbody th{display:block;padding:0;text-align:left;font-weight:400;min-width:0}
td small,th small{display:block;color:var(--soft);font-size:13px;overflow-wrap:anywhere}
.state{display:flex;align-items:center;gap:11px}.state .mark{width:18px;height:18px}.state b{font-weight:650}
[data-state=down] .state b{color:var(--down)}[data-state=degraded] .state b{color:var(--degraded)}
[data-state=unknown] .state b{color:var(--unknown)}[data-state=up] .state b{color:var(--up)}
tr[data-state=down]{background:var(--down-wash)}tr[data-state=unknown]{background:var(--unknown-wash)}tr[data-state=degraded]{background:var(--degraded-wash)}
.who b{font-weight:650;overflow-wrap:anywhere}.who .silence{color:var(--unknown)}
.source{font-family:ui-monospace,"SFMono-Regular",Menlo,"DejaVu Sans Mono",monospace;font-size:13px;overflow-wrap:anywhere}
.since,.latency span{font-variant-numeric:tabular-nums;white-space:nowrap}
.latency{display:flex;align-items:center;gap:12px}.latency span{min-width:62px;text-align:right}
svg.hour{flex:1;min-width:60px;height:26px;overflow:visible}
svg.hour path{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.hour .line{stroke:var(--leather);stroke-width:1.7;stroke-linecap:round}.hour .marks{stroke:var(--down);stroke-width:5;stroke-linecap:butt}
svg.day{display:block;width:100%;height:22px;border-radius:5px}
.day .none{fill:var(--empty)}.day .good{fill:var(--up);opacity:.72}.day .bad{fill:var(--down)}.day .blind{fill:var(--unknown)}
.none{text-align:center;color:var(--soft);padding:28px}
tr.moved{animation:moved 2.4s ease-out}
@keyframes moved{from{box-shadow:inset 6px 0 0 var(--leather)}}
footer{margin-top:26px;color:var(--soft);font-size:13.5px}footer p{margin:4px 0}
@media(prefers-reduced-motion:reduce){tr.moved{animation:none}}
@media(max-width:1020px){
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{grid-template-columns:minmax(0,1.35fr) minmax(0,1fr);gap:6px 18px;padding:14px 18px}
tbody tr{contain-intrinsic-size:auto 128px}tbody tr:first-child{border-top:0}
.who{grid-column:1/-1;grid-row:1;padding-right:128px}.state{grid-row:1;grid-column:1/-1;justify-self:end;align-self:start;max-width:128px;flex-direction:row-reverse;text-align:right}
.since{text-align:right}.source{align-self:center}
.latency span{text-align:left;min-width:56px}}
@media(max-width:560px){form{margin-top:18px}.search{max-width:none;flex-basis:100%}.chip{padding:8px 11px}table{margin-inline:-6px}}
@media(forced-colors:active){.day rect,.mark,.hour path{forced-color-adjust:none}.chip:has(:checked){outline:3px solid}}
`;
