"use strict";
// The form of one run: its rule, its learning rate, its numbers and the features around it.

{
  const made = (name, properties = {}, ...children) => {
    const found = Object.assign(document.createElement(name), properties);
    found.append(...children);
    return found;
  };
  optgen.made = made;

  // The rules in a list, by family.
  optgen.ruleChoices = (chosen) => {
    const families = new Map();
    for (const { module, name, family } of optgen.catalogue) {
      const option = made("option", { value: module, textContent: name, selected: module === chosen });
      if (!families.has(family)) families.set(family, made("optgroup", { label: family.replaceAll("_", " ") }));
      families.get(family).append(option);
    }
    return [...families.values()];
  };

  // An input for a number or a switch; an empty one leaves an optional number out.
  const field = (one, settings, changed) => {
    const label = made("label", { title: [one.doc, one.range && `Range: ${one.range}.`].filter(Boolean).join(" ") });
    const value = one.name in settings ? settings[one.name] : one.default;
    const isSwitch = typeof one.default === "boolean";
    const input = isSwitch
      ? made("input", { type: "checkbox", checked: value })
      : made("input", { type: "number", step: one.integer ? "1" : "any", value: value ?? "", placeholder: one.optional ? "off" : "" });
    input.addEventListener("change", () => {
      if (isSwitch) settings[one.name] = input.checked;
      else if (input.value === "") delete settings[one.name];
      else settings[one.name] = Number(input.value);
      changed();
    });
    label.append(one.name, input);
    return label;
  };

  const section = (title, fields, isOpen) => made(
    "details", { open: isOpen }, made("summary", { textContent: title }), made("div", { className: "settings" }, ...fields),
  );

  // The form of a card; `actions` are what its buttons and inputs do.
  optgen.cardForm = (card, place, actions) => {
    const rule = optgen.rules[card.module];
    const form = made("section", { className: "card" });
    form.setAttribute("aria-label", `Run ${place + 1}`);
    form.style.setProperty("--colour", `var(--run-${place + 1})`);
    const choice = made("select", { title: "Rule" }, ...optgen.ruleChoices(card.module));
    choice.setAttribute("aria-label", "Rule");
    choice.addEventListener("change", () => actions.choose(choice.value));
    const remove = made("button", { type: "button", textContent: "Remove" });
    remove.addEventListener("click", actions.remove);
    form.append(made("div", { className: "row" }, choice, remove));
    if (!rule) return form;
    form.append(made("p", { className: "quiet", textContent: rule.summary || "" }));
    const rate = rule.hyperparameters.find((one) => one.name === "learning_rate");
    if (rate) {
      const input = field(rate, card.settings, () => { card.isSearched = false; actions.changed(); });
      card.rateInput = input.querySelector("input");
      const search = made("button", { type: "button", textContent: "Find rate", title: "The best of 19 rates for this task" });
      search.addEventListener("click", () => { card.isSearched = true; actions.changed(); });
      form.append(made("div", { className: "row" }, input, search));
    }
    card.said = made("p", { className: "said" });
    form.append(card.said);
    const own = rule.hyperparameters.filter((one) => one !== rate);
    const isShared = (one) => optgen.featureSettings.includes(one.name);
    const fields = (some) => some.map((one) => field(one, card.settings, actions.changed));
    const toggled = (name) => (event) => { card.open[name] = event.target.open; };
    for (const [title, some] of [
      ["Numbers", own.filter((one) => !isShared(one))],
      ["Features", own.filter(isShared)],
    ]) {
      if (!some.length) continue;
      const details = section(`${title} (${some.length})`, fields(some), Boolean(card.open[title]));
      details.addEventListener("toggle", toggled(title));
      form.append(details);
    }
    form.append(made("details", {}, made("summary", { textContent: "Rule" }), made("pre", { textContent: rule.notation || "" })));
    return form;
  };

  const short = (value) => (Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : value.toPrecision(4));
  optgen.short = short;

  // Values of a state in a row: all of a few, and else the smallest, the mean and the largest.
  const cells = (values) => {
    if (values.length <= 4) return [...values].map(short).join(", ");
    const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
    const [least, most] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
    return `${values.length} values: ${short(least)} to ${short(most)}, mean ${short(mean)}`;
  };

  optgen.stateTable = ({ numbers, variables }) => {
    const body = made("tbody");
    const row = (name, said) => body.append(made("tr", {}, made("th", { scope: "row", textContent: name }), made("td", { textContent: said })));
    for (const [name, value] of Object.entries(numbers)) row(name, short(value));
    variables.forEach((arrays, k) => {
      const prefix = variables.length > 1 ? `${k + 1}: ` : "";
      for (const [name, values] of Object.entries(arrays)) row(prefix + name, cells(values));
    });
    return made("table", {}, body);
  };
}
