// The ceremonies of a passkey: a form with [data-passkey="create"] or "get", the options in the page or at the address
// that [data-options-url] names, and words for what went wrong. Without passkeys, what needs one is not shown.
(() => {
  const places = document.querySelectorAll("[data-passkey]");
  if (!window.PublicKeyCredential || !window.webauthnJSON) return;

  const optionsOf = async (form) => {
    if (!form.dataset.optionsUrl) return JSON.parse(document.getElementById("passkey-options").textContent);
    const token = form.elements.csrfmiddlewaretoken.value;
    const answer = await fetch(form.dataset.optionsUrl, { method: "POST", headers: { "X-CSRFToken": token } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  };

  for (const form of places) {
    const said = form.querySelector("[data-said]");
    const button = form.querySelector("button");
    form.closest("[data-passkeys-only]").hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      said.hidden = true;
      button.disabled = true;
      try {
        const options = await optionsOf(form);
        const { create, get } = window.webauthnJSON;
        const answer = await (form.dataset.passkey === "create" ? create(options) : get(options));
        form.elements.credential.value = JSON.stringify(answer);
        form.submit();
      } catch (error) {
        // Whoever closed the window of the device is told no more than that nothing happened.
        said.textContent = error.name === "InvalidStateError" ? said.dataset.known : said.dataset.failed;
        said.hidden = false;
        button.disabled = false;
      }
    });
  }
})();
