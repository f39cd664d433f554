"use strict";
// The page: what is chosen, and what follows from it.

optgen.start = () => {
  const find = (id) => document.getElementById(id);
  const made = optgen.made;
  const MOST = optgen.MOST_RUNS;
  // Longer searches for a rate end with the best one so far.
  const MOST_MILLISECONDS = 10000;
  const newCard = (module) => ({ module, settings: {}, isSearched: true, open: {} });
  // The address may name a task and rules, as in #task=bowl&rules=one,other.
  const address = new URLSearchParams(window.location.hash.slice(1));
  const isKnown = (module) => optgen.catalogue.some((one) => one.module === module);
  const named = (address.get("rules") || "").split(",").filter(isKnown).slice(0, MOST);
  const chosen = {
    task: optgen.tasks.find(({ name }) => name === address.get("task")) || optgen.tasks[0],
    options: {}, seed: 1, steps: null, start: null,
    cards: (named.length ? named : optgen.firstRules).map(newCard),
  };
  let [runs, problem, step, work, playing] = [[], null, 0, 0, null];

  // Scripts that are needed later are loaded once.
  const loaded = new Map();
  const load = (path) => {
    if (!loaded.has(path)) {
      loaded.set(path, new Promise((done, failed) => {
        const script = made("script", { src: path, onload: done, onerror: () => failed(new Error(`${path} can't be loaded`)) });
        document.head.append(script);
      }));
    }
    return loaded.get(path);
  };
  const needRule = (module) => (module in optgen.rules ? null : load(`rules/${module}.js`));
  const pause = () => new Promise((done) => { setTimeout(done, 0); });

  const values = () => Object.fromEntries(chosen.task.options.map((one) => [one.name, chosen.options[one.name] ?? one.value]));
  const stepsOf = () => chosen.steps ?? problem.steps;

  // Draw

  const draw = () => {
    const { plane } = problem;
    find("plane-figure").hidden = !plane;
    document.querySelector(".canvases").classList.toggle("single", !plane);
    if (plane) optgen.drawPlane(find("plane"), plane, runs, step);
    find("plane").setAttribute("aria-label", `Trajectories: ${said().join("; ")}`);
    optgen.drawLosses(find("losses"), runs, step, stepsOf());
    find("step").max = String(stepsOf());
    find("step").value = String(step);
    find("step-said").textContent = `${step} of ${stepsOf()}`;
    const run = runs[Number(find("shown").value)];
    find("state").replaceChildren(...(run ? [optgen.stateTable(run.stateAt(step))] : []));
  };

  const said = () => chosen.cards.flatMap(({ module }, k) => (runs[k] ? [`${optgen.rules[module].name}: ${result(runs[k])}`] : []));

  const result = (run) => {
    const at = Math.min(step, run.steps);
    if (run.isOver && at === run.steps) return `diverged in step ${run.steps}`;
    const score = run.problem.score && at === run.steps ? `, ${run.problem.score(run.optimizer.evaluation())}` : "";
    return `loss ${optgen.short(run.losses[at])} after ${at} steps${score}`;
  };

  const sayResults = () => {
    chosen.cards.forEach((card, k) => {
      if (!card.said) return;
      if (runs[k]) card.said.textContent = result(runs[k]);
      if (runs[k] && card.isSearched && card.found) card.said.textContent += `; rate: the best of ${card.found.tries}`;
      card.said.classList.toggle("wrong-said", Boolean(card.wrong));
      if (card.wrong) card.said.textContent = card.wrong;
    });
  };

  // Compute, a little between two pictures; a change of anything ends what goes on.

  const compute = async () => {
    const own = (work += 1);
    const rules = chosen.cards.map(({ module }) => module).join(",");
    window.history.replaceState(null, "", `#task=${chosen.task.name}&rules=${rules}`);
    if (chosen.task.script && !loaded.has(chosen.task.script)) await load(chosen.task.script);
    if (own !== work) return;
    problem = chosen.task.make({ ...values(), ...chosen.start });
    runs = [];
    const steps = stepsOf();
    const slice = { end: performance.now() + 30 };
    const mayGoOn = async () => {
      if (performance.now() < slice.end) return own === work;
      step = Math.max(0, ...runs.map((run) => (run ? run.steps : 0)));
      draw();
      await pause();
      slice.end = performance.now() + 30;
      return own === work;
    };
    for (const [k, card] of chosen.cards.entries()) {
      card.wrong = "";
      try {
        await needRule(card.module);
        if (own !== work) return;
        const rule = optgen.rules[card.module];
        const hasRate = rule.hyperparameters.some((one) => one.name === "learning_rate");
        if (card.isSearched && hasRate) {
          if (card.said) card.said.textContent = "Looks for a learning rate…";
          const most = Math.min(steps, problem.searchSteps || steps);
          const until = performance.now() + MOST_MILLISECONDS;
          for (const best of optgen.searchRate(card.module, card.settings, problem, most, chosen.seed)) {
            if (!(await mayGoOn())) return;
            card.found = best;
            if (performance.now() > until) break;
          }
          card.settings.learning_rate = card.found.rate;
          if (card.rateInput) card.rateInput.value = String(card.found.rate);
        }
        const run = new optgen.Run(card.module, card.settings, problem, chosen.seed);
        runs[k] = run;
        while (!run.isOver && run.steps < steps) {
          run.advance();
          if (!(await mayGoOn())) return;
        }
      } catch (error) {
        runs[k] = null;
        card.wrong = error.message;
      }
    }
    step = steps;
    draw();
    sayResults();
    find("status").textContent = said().join("; ");
    document.body.dataset.done = String(own);
  };

  // Forms

  const showCards = () => {
    const forms = chosen.cards.map((card, k) => optgen.cardForm(card, k, {
      choose: async (module) => {
        chosen.cards[k] = newCard(module);
        await Promise.allSettled([needRule(module)]);
        showCards();
        find("cards").children[k]?.querySelector("select").focus();
        compute();
      },
      remove: () => {
        chosen.cards.splice(k, 1);
        showCards();
        (find("cards").children[Math.min(k, chosen.cards.length - 1)]?.querySelector("select") || find("add")).focus();
        compute();
      },
      changed: () => compute(),
    }));
    find("cards").replaceChildren(...forms);
    find("add").hidden = chosen.cards.length >= MOST;
    const before = find("shown").value;
    find("shown").replaceChildren(...chosen.cards.map(({ module }, k) => made("option", {
      value: String(k), textContent: `${k + 1}: ${(optgen.catalogue.find((one) => one.module === module) || {}).name}`,
    })));
    find("shown").value = before && Number(before) < chosen.cards.length ? before : "0";
  };

  const showTask = () => {
    find("about").textContent = chosen.task.about;
    find("options").replaceChildren(...chosen.task.options.map((one) => {
      const input = made("input", { type: "number", step: one.isWhole ? "1" : "any", min: String(one.least), max: String(one.most), value: String(values()[one.name]) });
      input.addEventListener("change", () => {
        if (!input.checkValidity() || input.value === "") return;
        chosen.options[one.name] = Number(input.value);
        compute();
      });
      return made("label", {}, one.title, " ", input);
    }));
    const { plane, steps, parameters } = chosen.task.script ? { steps: 300 } : chosen.task.make({ ...values(), ...chosen.start });
    const isChosen = Boolean(plane && plane.isChosen);
    find("steps").value = String(chosen.steps ?? steps);
    find("plane-caption").hidden = !isChosen;
    find("start").hidden = !isChosen;
    if (isChosen) showStart(...parameters[0].values);
  };

  const showStart = (x, y) => {
    find("start-x").value = optgen.short(x);
    find("start-y").value = optgen.short(y);
  };

  find("task").append(...optgen.tasks.map(({ name, title }) => made("option", { value: name, textContent: title })));
  find("task").addEventListener("change", (event) => {
    Object.assign(chosen, { task: optgen.tasks.find((one) => one.name === event.target.value), options: {}, steps: null, start: null });
    showTask();
    compute();
  });
  for (const name of ["steps", "seed"]) {
    find(name).addEventListener("change", ({ target }) => {
      if (!target.checkValidity() || target.value === "") return;
      chosen[name] = Number(target.value);
      compute();
    });
  }
  find("task-form").addEventListener("submit", (event) => event.preventDefault());
  find("add").addEventListener("click", async () => {
    const used = new Set(chosen.cards.map(({ module }) => module));
    const next = optgen.catalogue.find(({ module }) => !used.has(module)) || optgen.catalogue[0];
    chosen.cards.push(newCard(next.module));
    await Promise.allSettled([needRule(next.module)]);
    showCards();
    find("cards").lastElementChild.querySelector("select").focus();
    compute();
  });
  find("shown").addEventListener("change", draw);
  find("step").addEventListener("input", ({ target }) => { step = Number(target.value); draw(); sayResults(); });
  find("plane").addEventListener("click", (event) => {
    if (!problem.plane.isChosen) return;
    const { left, top, width, height } = event.target.getBoundingClientRect();
    const [west, east, south, north] = problem.plane.box;
    const x = west + ((event.clientX - left) / width) * (east - west);
    const y = north - ((event.clientY - top) / height) * (north - south);
    chosen.start = { x, y };
    showStart(x, y);
    compute();
  });
  for (const name of ["x", "y"]) {
    find(`start-${name}`).addEventListener("change", ({ target }) => {
      if (!target.checkValidity() || target.value === "") return;
      const [x, y] = problem.parameters[0].values;
      chosen.start = { x, y, [name]: Number(target.value) };
      compute();
    });
  }

  const stop = () => { clearInterval(playing); playing = null; find("play").textContent = "Play"; };
  find("play").addEventListener("click", () => {
    if (playing !== null) { stop(); return; }
    if (step >= stepsOf()) step = 0;
    find("play").textContent = "Pause";
    playing = setInterval(() => {
      step = Math.min(step + Math.ceil(stepsOf() / 300), stepsOf());
      draw();
      sayResults();
      if (step >= stepsOf()) stop();
    }, 20);
  });
  window.addEventListener("resize", () => { if (problem) draw(); });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (problem) draw(); });

  find("seed").value = String(chosen.seed);
  find("task").value = chosen.task.name;
  showTask();
  // A rule whose script isn't there yet gets its form with it.
  const begin = async () => {
    await Promise.allSettled(chosen.cards.map(({ module }) => needRule(module)));
    showCards();
    compute();
  };
  begin();
};
