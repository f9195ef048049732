// Turns the fieldsets of a form's languages into tabs, brings the current list into view, and gives names to what
// Django's own scripts
// build without.
// Without this script the languages stand one below the other.
"use strict";

function makeTabs(fieldsets) {
  const panels = fieldsets.map((fieldset) => {
    const panel = document.createElement("div"); // a fieldset may not be a tab panel itself
    fieldset.replaceWith(panel);
    panel.append(fieldset);
    return panel;
  });
  const bar = document.createElement("div");
  bar.className = "tabs";
  bar.setAttribute("role", "tablist");
  const tabs = panels.map((panel, index) => {
    const heading = panel.querySelector(".fieldset-heading");
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `${heading.id}-tab`;
    tab.textContent = heading.textContent;
    tab.setAttribute("role", "tab");
    panel.id = `${heading.id}-panel`;
    tab.setAttribute("aria-controls", panel.id);
    const wrong = panel.querySelectorAll(".errors, .errorlist").length;
    if (wrong) {
      const mark = document.createElement("span");
      mark.className = "wrong";
      mark.textContent = "!";
      tab.append(mark);
    }
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    panel.classList.add("tabbed");
    tab.addEventListener("click", () => choose(index));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -index, End: panels.length - 1 - index }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      choose((index + step + panels.length) % panels.length).focus();
    });
    bar.append(tab);
    return tab;
  });

  function choose(chosen) {
    tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
      panels[index].hidden = index !== chosen;
    });
    return tabs[chosen];
  }

  panels[0].before(bar);
  const firstWrong = panels.findIndex((panel) => panel.querySelector(".errorlist"));
  const spoken = panels.findIndex((panel) => panel.querySelector(`[lang="${document.documentElement.lang}"]`));
  choose(firstWrong >= 0 ? firstWrong : Math.max(spoken, 0));
}

function neighbours() {
  const groups = [];
  for (const fieldset of document.querySelectorAll("fieldset.language")) {
    const last = groups.at(-1);
    if (last && last.at(-1).nextElementSibling === fieldset) last.push(fieldset);
    else groups.push([fieldset]);
  }
  return groups.filter((group) => group.length > 1);
}

neighbours().forEach(makeTabs);

// A link to a field finds it in its tab.
document.addEventListener("click", (event) => {
  const link = event.target.closest('#content a[href^="#id_"]');
  const field = link && document.getElementById(link.getAttribute("href").slice(1));
  if (!field) return;
  event.preventDefault();
  const panel = field.closest(".tabbed");
  if (panel?.hidden) document.getElementById(panel.getAttribute("aria-labelledby")).click();
  field.focus();
});

// On a phone the rows of lists scroll inside themselves: bring the current one into view.
for (const strip of document.querySelectorAll("#lists ul, #models ul")) {
  const current = strip.querySelector("[aria-current]");
  if (current) strip.scrollLeft += current.getBoundingClientRect().left
    - strip.getBoundingClientRect().left - (strip.clientWidth - current.clientWidth) / 2;
}

// select2 builds a box beside the select, and leaves the label with the select.
function nameBoxes(root) {
  for (const select of root.querySelectorAll("select.admin-autocomplete")) {
    const box = select.nextElementSibling?.querySelector("[role=combobox]");
    if (!box) continue;
    const shown = box.querySelector("[role=textbox]"); // what is chosen: text in the box, no box of its own
    shown?.removeAttribute("role");
    shown?.removeAttribute("aria-readonly");
    const label = select.labels[0];
    if (label) {
      label.id = label.id || `${select.id}-label`;
      // where one chooses several, the box that one types into needs the name
      const chosen = box.getAttribute("aria-labelledby");
      box.setAttribute("aria-labelledby", chosen ? `${label.id} ${chosen}` : label.id);
      box.querySelector("[role=searchbox]")?.setAttribute("aria-labelledby", label.id);
    } else {
      box.setAttribute("aria-label", select.getAttribute("aria-label"));
      box.removeAttribute("aria-labelledby");
    }
  }
  for (const hint of root.querySelectorAll(".help-tooltip[aria-label]")) hint.setAttribute("role", "img");
}

// jQuery runs what waits for the page in the order in which it was asked: select2 first, then this.
if (window.django?.jQuery) window.django.jQuery(() => nameBoxes(document));
window.addEventListener("load", () => setTimeout(() => nameBoxes(document))); // the two lists of rights are built then
document.addEventListener("formset:added", (event) => setTimeout(() => nameBoxes(event.target)));

// How many people an announcement goes to, counted again whenever its audience changes. Without this script it is said
// when it is saved.
const audience = document.querySelector("[data-audience]");
if (audience && window.django?.jQuery) {
  const form = audience.closest("form");
  window.django.jQuery(form).on("change", async (event) => { // select2 tells jQuery alone
    const names = ["event", "session", "cohort", "statuses", "must_reach"];
    if (!names.includes(event.target.name)) return;
    const chosen = [...new FormData(form)].filter(([name]) => names.includes(name));
    const answer = await fetch(`${audience.dataset.audience}?${new URLSearchParams(chosen)}`);
    if (answer.ok) audience.textContent = (await answer.json()).words;
  });
}
