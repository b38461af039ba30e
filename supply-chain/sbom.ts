/**
 * The bill of materials of a published product, in CycloneDX 1.6: what is installed with it, on every platform, each with its package URL, the hash of its tarball as the
 * lockfile has it, its licence, and what it depends on. Of one lockfile and one set of versions it is the same to the byte.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Enums, Models, Serialize, Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { PackageURL } from "packageurl-js";
import { type Installed, type Manifest, readManifest } from "./installed.ts";
import { declaredLicence, licenceOf } from "./licences.ts";
import { type Locked, root } from "./lockfile.ts";

interface SbomOptions {
  /** Seconds since 1970 that the document says it was made at (`SOURCE_DATE_EPOCH`); undefined: it says none. */
  readonly sourceDateEpoch: number | undefined;
}

/**
 * @param closure of the product, which stands first
 * @returns the document, as JSON text that ends with a newline
 */
export function sbomOf(
  closure: readonly Locked[],
  installed: ReadonlyMap<string, Installed>,
  { sourceDateEpoch }: SbomOptions,
): string {
  const components = new Map(closure.map((one, place) => [one.id, componentOf(one, installed, place === 0)]));
  const known = (id: string): Models.Component => {
    const component = components.get(id);
    if (component === undefined) throw new Error(`${id} is depended on, and in no closure`);
    return component;
  };
  for (const { id, dependsOn } of closure) for (const other of dependsOn) known(id).dependencies.add(known(other).bomRef);
  const [product, ...others] = closure.map(({ id }) => known(id));
  if (product === undefined) throw new Error("a bill of nothing");
  const bom = new Models.Bom({
    components: new Models.ComponentRepository(others),
    metadata: new Models.Metadata({
      component: product,
      ...(sourceDateEpoch === undefined ? {} : { timestamp: new Date(1000 * sourceDateEpoch) }),
    }),
  });
  bom.serialNumber = serialNumber(serialised(bom));
  return serialised(bom);
}

function serialised(bom: Models.Bom): string {
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

/** A UUID of version 8 (RFC 9562 §5.8), made of the document's own bytes: another document has another. */
function serialNumber(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const parts = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(bytes.toString("hex"));
  return `urn:uuid:${parts?.slice(1).join("-")}`;
}

function componentOf(locked: Locked, installed: ReadonlyMap<string, Installed>, isProduct: boolean): Models.Component {
  const manifest: Pick<Manifest, "name" | "version" | "license" | "description"> =
    locked.folder === undefined
      ? { ...(installed.get(locked.id)?.manifest ?? { description: undefined, license: undefined }), ...nameAndVersion(locked) }
      : readManifest(join(root, locked.folder));
  const [, group, name = manifest.name] = /^(?:(@[^/]+)\/)?(.+)$/.exec(manifest.name) ?? [];
  const purl = new PackageURL("npm", group, name, manifest.version, undefined, undefined).toString();
  const component = new Models.Component(isProduct ? Enums.ComponentType.Application : Enums.ComponentType.Library, name, {
    ...{ version: manifest.version, purl, bomRef: purl },
    ...(group === undefined ? {} : { group }),
    ...(manifest.description === undefined ? {} : { description: manifest.description }),
  });
  if (locked.integrity !== undefined)
    component.hashes.set(
      Enums.HashAlgorithm["SHA-512"],
      Buffer.from(locked.integrity.slice("sha512-".length), "base64").toString("hex"),
    );
  const licence = locked.folder === undefined ? licenceOf(locked, installed) : declaredLicence(manifest.license);
  if (licence !== undefined) component.licenses.add(licenceObject(licence));
  return component;
}

const nameAndVersion = ({ id, name, version }: Locked): { readonly name: string; readonly version: string } => {
  if (version === undefined) throw new Error(`${id} has no version`);
  return { name, version };
};

/** One licence by its identifier; several as an expression, which alone can say "or". */
const licenceObject = (licence: string): Models.License =>
  /\s/.test(licence) ? new Models.LicenseExpression(licence) : new Models.SpdxLicense(licence);

/** Holds a document to CycloneDX's own schema. @returns what is wrong; nothing where it is in order */
export async function faultsOfSbom(text: string): Promise<readonly string[]> {
  const error = await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text);
  return error === null ? [] : [JSON.stringify(error)];
}
