(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const say = (text) => { find("#said").textContent = text; };
  const make = (tag, text = "", attributes = {}) => {
    const element = document.createElement(tag);
    element.textContent = text;
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    return element;
  };

  // Theme: as the system says, or as the reader says; kept where the browser lets a file keep it.
  const theme = find("#theme"), schemes = ["auto", "light", "dark"];
  const store = (value) => { try { return value ? localStorage.setItem("theme", value) : localStorage.getItem("theme"); } catch { return null; } };
  const paint = (scheme) => {
    document.documentElement.style.colorScheme = scheme === "auto" ? "" : scheme;
    theme.textContent = "Theme: " + scheme;
    theme.value = scheme;
  };
  paint(schemes.includes(store()) ? store() : "auto");
  theme.hidden = false;
  theme.onclick = () => { const next = schemes[(schemes.indexOf(theme.value) + 1) % 3]; store(next); paint(next); };
  addEventListener("beforeprint", () => { document.documentElement.style.colorScheme = "light"; });
  addEventListener("afterprint", () => paint(theme.value));

  // Commands.
  all(".copy").forEach((button) => {
    button.hidden = false;
    button.onclick = async () => {
      const code = find("pre", button.parentElement);
      try { await navigator.clipboard.writeText(code.textContent); button.textContent = "Copied"; }
      catch { getSelection().selectAllChildren(code); button.textContent = "Selected"; }
      say(button.textContent);
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    };
  });

  // The section in view.
  const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
  const watch = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting) return;
    links.forEach((link) => link.removeAttribute("aria-current"));
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }), { rootMargin: "-10% 0px -80% 0px" });
  all("main > section").forEach((section) => watch.observe(section));

  // Every cell.
  const source = find("#cells-data");
  if (!source) return;
  const { count, columns } = JSON.parse(source.textContent), PAGE = 25;
  const table = find("#cells-table"), heads = all("th", table), filters = find("#filters");
  const value = (column, row) => column.kind === "level" ? column.levels[column.values[row]] : column.values[row];
  const text = (column, row) => { const v = value(column, row); return v === null ? "–" : String(v); };
  // The last column links to the cell alone: an address that can be sent.
  const ids = columns[columns.length - 1], repeat = find("#cells-repeat"), command = repeat.textContent;
  const chosen = new Map();
  let words = "", sorted = null, down = false, page = 0, rows = [];

  const select = () => {
    rows = [];
    for (let row = 0; row < count; row++) {
      if ([...chosen].every(([column, level]) => column.values[row] === level) &&
        (!words || columns.some((column) => text(column, row).toLowerCase().includes(words)))) rows.push(row);
    }
    if (sorted) rows.sort((a, b) => order(a, b) || a - b);
    page = 0;
    draw();
  };
  // Rows without a value stand last, whichever way it is sorted; levels keep the scenario's order.
  const order = (a, b) => {
    const x = sorted.values[a], y = sorted.values[b];
    const last = (v) => v === null || typeof v === "string" && v.endsWith("inf");
    if (last(x) || last(y)) return last(x) - last(y);
    return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
  };
  const draw = () => {
    const start = page * PAGE, shown = rows.slice(start, start + PAGE);
    find("tbody", table).replaceChildren(...shown.map((row) => {
      const line = make("tr");
      line.append(...columns.map((column) => make("td", column === ids ? "" : text(column, row), column.kind === "number" ? { class: "number" } : {})));
      line.lastChild.append(make("a", ids.values[row], { href: "#" + ids.values[row] }));
      return line;
    }));
    const to = start + shown.length;
    find("#shown").textContent = rows.length
      ? `Rows ${start + 1} to ${to} of ${rows.length.toLocaleString("en")}` + (rows.length < count ? `, chosen from ${count.toLocaleString("en")}.` : ".")
      : "No row matches.";
    find("#before").disabled = page === 0;
    find("#after").disabled = to >= rows.length;
  };
  heads.forEach((head, place) => {
    const column = columns[place], button = make("button", head.textContent, { type: "button" });
    head.replaceChildren(button);
    button.onclick = () => {
      down = sorted === column && !down;
      sorted = column;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      select();
      say(`Sorted by ${column.label}, ${down ? "descending" : "ascending"}`);
    };
  });
  const field = (name, input) => { const label = make("label", name); label.append(input); filters.append(label); return input; };
  const search = field("search", make("input", "", { type: "search" }));
  search.oninput = () => {
    words = search.value.trim().toLowerCase();
    select();
    repeat.textContent = command.replace("CELL", rows.length && new Set(rows.map((row) => ids.values[row])).size === 1 ? ids.values[rows[0]] : "CELL");
  };
  // Nobody picks one of thousands of seeds from a list, and each is an element: search finds it.
  columns.filter((column) => column.kind === "level" && column.levels.length > 1 && column.levels.length <= 200).forEach((column) => {
    const input = field(column.label, make("select"));
    input.append(make("option", "all", { value: "" }), ...column.levels.map((level, place) => make("option", level, { value: place })));
    input.onchange = () => { input.value ? chosen.set(column, +input.value) : chosen.delete(column); select(); say(find("#shown").textContent); };
  });
  filters.className = "filters";
  filters.hidden = find("#pager").hidden = false;
  find("#before").onclick = () => { page -= 1; draw(); };
  find("#after").onclick = () => { page += 1; draw(); };
  const follow = () => {
    const wanted = location.hash.slice(1);
    if (!ids.values.includes(wanted)) return;
    search.value = wanted;
    search.oninput();
    find("#cells").scrollIntoView();
    say(find("#shown").textContent);
  };
  addEventListener("hashchange", follow);
  select();
  follow();
})();
(() => {
  "use strict";
  // The fit, step by step: one slider for all panels. Without script, and on paper, the last frame stands.
  const source = document.querySelector("#fit-frames");
  if (!source) return;
  const { said, moves, curve } = JSON.parse(source.textContent);
  const part = (id) => document.getElementById(id);
  const slider = part("fit-step"), play = part("fit-play"), last = said.length - 1;
  let timer = 0;
  const draw = (frame) => {
    moves.forEach(([id, name, values]) => part(id).setAttribute(name, values[frame]));
    const y = curve && curve.y[frame];
    if (curve) part(curve.id).setAttribute("d", y ? "M" + y.map((at, i) => curve.x[i] + " " + at).join(curve.join) + (curve.join === "L" ? "" : "h0") : "");
  };
  const show = () => {
    const frame = +slider.value;
    draw(frame);
    slider.setAttribute("aria-valuetext", said[frame]);
    part("fit-said").textContent = said[frame];
  };
  const stop = () => { clearInterval(timer); timer = 0; play.textContent = "Play"; };
  slider.oninput = () => { stop(); show(); };
  play.onclick = () => {
    if (timer) return stop();
    if (+slider.value === last) slider.value = 0;
    show();
    play.textContent = "Pause";
    timer = setInterval(() => { slider.value++; show(); if (+slider.value === last) stop(); }, 120);
  };
  // Who asks for less motion moves the slider alone.
  play.hidden = matchMedia("(prefers-reduced-motion: reduce)").matches;
  addEventListener("beforeprint", () => draw(last));
  addEventListener("afterprint", show);
  slider.value = last;
  show();
  part("fit-player").hidden = false;
})();
