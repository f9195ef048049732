// Small comforts on top of pages that work without them.
(() => {
  // A strip of many days scrolls inside itself: bring the current one into view.
  const showDay = () => {
    const strip = document.querySelector(".days");
    const day = strip && strip.querySelector("[aria-current]");
    if (day) strip.scrollLeft = day.offsetLeft - strip.offsetLeft - (strip.clientWidth - day.clientWidth) / 2;
  };
  showDay();
  document.addEventListener("htmx:afterSettle", (event) => event.detail.elt.id === "programme" && showDay());

  // An empty filter is no filter: leave it out of the address.
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.matches("form.filters")) return;
    const { formData } = event.detail;
    for (const [name, value] of [...formData]) if (!value) formData.delete(name);
  });

  // What grows above the button that was pressed must not carry it away.
  let pressed = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig } = event.detail;
    const button = "keep" in target.dataset && requestConfig?.triggeringEvent?.submitter;
    pressed = button ? { id: button.id, top: button.getBoundingClientRect().top } : null;
  });
  document.addEventListener("htmx:afterSwap", () => {
    const button = pressed && document.getElementById(pressed.id);
    if (button) scrollBy({ top: button.getBoundingClientRect().top - pressed.top, behavior: "instant" });
    pressed = null;
  });

  // What was typed elsewhere in what is drawn anew, and not sent yet, stays; and whatever has the focus then is in
  // view.
  let typed = [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig } = event.detail;
    const fields = "keep" in target.dataset ? [...target.querySelectorAll("input[id]:not([type=radio])")] : [];
    typed = fields.filter((field) => field.value !== field.defaultValue && field.form !== requestConfig?.elt);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    for (const { id, value } of typed) {
      const field = document.getElementById(id);
      if (field) field.value = value;
    }
    typed = [];
    if ("keep" in event.detail.target.dataset) document.activeElement?.scrollIntoView({ block: "nearest" });
  });

  // When the network or the server fails under htmx, go there the ordinary way: the browser then says what is wrong. A
  // form that
  // did have its effect has it once: its key says so.
  for (const name of ["htmx:sendError", "htmx:responseError"]) {
    document.addEventListener(name, (event) => {
      const { elt, target, pathInfo } = event.detail;
      if (target?.id === "programme") location.assign(pathInfo.finalRequestPath);
      else if (elt.matches("form[method=post]")) elt.submit();
      else if (elt.matches("a[href]")) location.assign(elt.href);
    });
  }
})();
