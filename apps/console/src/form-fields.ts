// Fields of forms: each with what was entered and, right below it, what is wrong with that.
import { html, type Html } from './html';

/** What a form was sent with, and what there is to say of it. */
export interface Entered<Name extends string = string> {
  fields: Readonly<Partial<Record<Name, string>>>;
  /** By field. */
  problems: ReadonlyMap<string, readonly string[]>;
  /** What is wrong, and with no single field that the form has. */
  others: readonly string[];
}

interface Field<Name extends string> {
  name: Name;
  label: string;
  hint?: string;
  /** Whether a field is only for some: the classes by which the style hides it from others. */
  of?: string;
}

interface TextField<Name extends string> extends Field<Name> {
  placeholder?: string;
  /** A secret is never sent back to whoever has entered it. */
  isSecret?: boolean;
}

export function textField<Name extends string>(
  entered: Entered<Name>,
  { isSecret = false, placeholder = '', ...field }: TextField<Name>,
): Html {
  const { name } = field;
  const value = isSecret ? '' : (entered.fields[name] ?? '');
  return labelled(
    entered,
    field,
    html`<input
      type="${isSecret ? 'password' : 'text'}"
      name="${name}"
      value="${value}"
      placeholder="${placeholder}"
      autocomplete="${isSecret ? 'new-password' : 'off'}"
      spellcheck="false"
      ${marks(entered, name)}
    />`,
  );
}

export function areaField<Name extends string>(
  entered: Entered<Name>,
  field: Field<Name> & { rows: number },
): Html {
  const { name, rows } = field;
  const text = entered.fields[name] ?? '';
  // prettier-ignore
  const area = html`<textarea name="${name}" rows="${rows}" spellcheck="false" ${marks(entered, name)}>
${text}</textarea>`; // the line break right behind the tag is none of the text, as browsers read it
  return labelled(entered, field, area);
}

type Choices = readonly (readonly [value: string, label: string])[];

export function choiceField<Name extends string>(
  entered: Entered<Name>,
  { choices, ...field }: Field<Name> & { choices: Choices },
): Html {
  const { name } = field;
  const chosen = entered.fields[name] ?? '';
  return labelled(
    entered,
    field,
    html`<select name="${name}" ${marks(entered, name)}>
      ${choices.map(([value, label]) =>
        value === chosen
          ? html`<option value="${value}" selected>${label}</option>`
          : html`<option value="${value}">${label}</option>`,
      )}
    </select>`,
  );
}

export function radioField<Name extends string>(
  entered: Entered<Name>,
  { choices, name, label }: Field<Name> & { choices: Choices },
): Html {
  const chosen = entered.fields[name] ?? '';
  return html`<p class="field" role="radiogroup" aria-label="${label}">
    ${choices.map(
      ([value, text]) =>
        html`<label
            ><input
              type="radio"
              name="${name}"
              value="${value}"
              ${value === chosen ? html`checked` : html``}
            />
            ${text}</label
          ><br />`,
    )}
    ${said(entered, name)}
  </p>`;
}

export function tickField<Name extends string>(
  entered: Entered<Name>,
  { name, label }: Field<Name>,
): Html {
  return html`<p class="field">
    <label
      ><input
        type="checkbox"
        name="${name}"
        value="yes"
        ${entered.fields[name] === 'yes' ? html`checked` : html``}
      />
      ${label}</label
    >
    ${said(entered, name)}
  </p>`;
}

/** What was not taken, above a form whose fields say the rest. */
export function formProblems({ problems, others }: Entered): Html {
  if (problems.size === 0 && others.length === 0) return html``;
  const all = problems.size > 0 ? ['Nothing was written: see below what is wrong.'] : [];
  return html`<div role="alert">
    ${[...all, ...others].map((message) => html`<p class="bad">${message}</p>`)}
  </div>`;
}

function labelled<Name extends string>(
  entered: Entered<Name>,
  { name, label, hint, of = '' }: Field<Name>,
  control: Html,
): Html {
  return html`<p class="field ${of}">
    <label>${label} ${control}</label>
    ${hint === undefined ? html`` : html`<span class="dim">${hint}</span>`} ${said(entered, name)}
  </p>`;
}

function said({ problems }: Entered, name: string): Html {
  const messages = problems.get(name) ?? [];
  if (messages.length === 0) return html``;
  return html`<br /><span class="bad" id="${name}-problem">${messages.join('; ')}</span>`;
}

function marks({ problems }: Entered, name: string): Html {
  if (!problems.has(name)) return html``;
  return html`aria-invalid="true" aria-describedby="${name}-problem"`;
}
