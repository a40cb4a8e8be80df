const SECRET_NAME = /secret|password|sealed|token$/i;

/**
 * The same with `[secret]` in the place of everything whose name says that it is one, however deep: the names of fields as much as
 * those of variables, such as `ENV0_CLOUDWATCH_SECRET_ACCESS_KEY`. With `omit`, they are left out.
 */
export function withoutSecrets(value: unknown, how: 'mask' | 'omit' = 'mask'): unknown {
  if (Array.isArray(value)) return value.map((inner) => withoutSecrets(inner, how));
  if (typeof value !== 'object' || value === null) return value;
  const shown: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    if (!SECRET_NAME.test(name)) shown[name] = withoutSecrets(inner, how);
    else if (how === 'mask' && inner !== undefined) shown[name] = '[secret]';
  }
  return shown;
}
