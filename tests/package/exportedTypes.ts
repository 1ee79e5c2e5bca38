import { dirname } from "node:path";
import ts from "typescript";

/** The types that the exports of a module name but that it does not export itself, as "Export: Type". */
export function unexportedTypes(module: string): string[] {
  const program = ts.createProgram([module], { module: ts.ModuleKind.NodeNext, strict: true, types: [] });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(module);
  const symbol = source && checker.getSymbolAtLocation(source);
  if (symbol === undefined) throw new Error(`${module} is no module`);
  const meantBy = (named: ts.Symbol) => (named.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(named) : named);
  const exports = new Set(checker.getExportsOfModule(symbol).map(meantBy));
  const isOwn = ({ declarations = [] }: ts.Symbol) =>
    declarations.some((each) => !ts.isTypeParameterDeclaration(each) && isWithin(dirname(module), each));
  const found = new Set<string>();
  for (const exported of exports) {
    const visit = (node: ts.Node): void => {
      const name = nameOf(node);
      const named = name && checker.getSymbolAtLocation(name);
      if (named !== undefined && isOwn(meantBy(named)) && !exports.has(meantBy(named)))
        found.add(`${exported.name}: ${named.name}`);
      ts.forEachChild(node, visit);
    };
    exported.declarations?.forEach(visit);
  }
  return [...found].toSorted();
}

/** What a node calls a type by, or undefined when it names none. */
function nameOf(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName;
  if (ts.isExpressionWithTypeArguments(node)) return node.expression;
  if (ts.isTypeQueryNode(node)) return node.exprName;
  return ts.isImportTypeNode(node) ? node.qualifier : undefined;
}

function isWithin(directory: string, node: ts.Node): boolean {
  return node.getSourceFile().fileName.startsWith(`${directory}/`);
}
