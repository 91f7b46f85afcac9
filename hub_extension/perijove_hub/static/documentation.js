// Draws an OpenAPI document: one <details> per operation, grouped by tag. Everything is set as text, never as HTML.

const make = (tag, attributes = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
};

const named = (api, schema) => {
  const name = schema?.$ref?.split("/").pop();
  return name ? [name, api.components.schemas[name]] : [schema?.title ?? "", schema ?? {}];
};

const typeOf = (api, schema) => {
  if (!schema) return "";
  if (schema.$ref) return named(api, schema)[0];
  if (schema.anyOf) return schema.anyOf.map((one) => typeOf(api, one)).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `${typeOf(api, schema.items) || "any"}[]`;
  return schema.format ? `${schema.type} (${schema.format})` : (schema.type ?? "any");
};

const fields = (api, schema) => {
  const [, resolved] = named(api, schema);
  const required = new Set(resolved.required ?? []);
  const rows = Object.entries(resolved.properties ?? {}).map(([name, field]) =>
    make("tr", {}, make("td", {}, make("code", {}, name)), make("td", {}, typeOf(api, field)),
      make("td", {}, required.has(name) ? "required" : ""), make("td", {}, field.description ?? "")));
  return make("table", {}, make("tbody", {}, ...rows));
};

const section = (title, ...content) => [make("h3", {}, title), ...content];

const parameters = (operation, api) =>
  operation.parameters.length === 0 ? [] : section("Parameters", make("table", {}, make("tbody", {},
    ...operation.parameters.map((one) => make("tr", {}, make("td", {}, make("code", {}, one.name)),
      make("td", {}, one.in), make("td", {}, typeOf(api, one.schema)), make("td", {}, one.description ?? ""))))));

const body = (operation, api) => {
  const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (!type) return [];
  return section(`Body: ${content.schema ? named(api, content.schema)[0] : type}`, ...(content.schema ? [fields(api, content.schema)] : []));
};

const answers = (operation, api) => section("Answers", make("table", {}, make("tbody", {},
  ...Object.entries(operation.responses).map(([status, answer]) => {
    const [type, content] = Object.entries(answer.content ?? {})[0] ?? [];
    const items = content?.schema?.properties?.items;
    const what = items?.items ? `a page of ${typeOf(api, items.items)}` : content?.schema ? typeOf(api, content.schema) : (type ?? "");
    return make("tr", {}, make("td", {}, status), make("td", {}, answer.description), make("td", {}, what));
  }))));

const draw = (api, path, verb, operation) => make("details", { id: operation.operationId },
  make("summary", {}, make("span", { className: `verb ${verb}` }, verb.toUpperCase()),
    make("span", { className: "path" }, path), make("span", { className: "what" }, operation.summary)),
  make("div", {}, make("p", {}, operation.description ?? "Needs no Hub token."),
    ...parameters(operation, api), ...body(operation, api), ...answers(operation, api)));

const show = async () => {
  const place = document.getElementById("operations");
  const api = await (await fetch(place.dataset.document)).json();
  let tag = "";
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const [verb, operation] of Object.entries(operations)) {
      if (operation.tags[0] !== tag) place.append(make("h2", {}, (tag = operation.tags[0])));
      place.append(draw(api, path, verb, operation));
    }
  }
};

show();
