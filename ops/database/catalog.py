"""What a schema consists of, read from the catalogs: one definition for each named thing, to be compared.

Reads everything that a hand could change: tables, columns, constraints, indexes, views, sequences, functions,
triggers, rules, policies, types, statistics, owners, grants and comments. Names are qualified and no oid is used, so that
two databases of one server can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import asyncpg


class Thing(NamedTuple):
    """A named thing of a schema: `column`, `chat.rooms.name`."""

    kind: str
    name: str


Catalog = Mapping[Thing, str]


async def read_catalog(
    connection: asyncpg.Connection, schemas: Sequence[str], *, grants: bool = True
) -> Catalog:
    """Return the definitions of everything in the schemas and of the extensions.

    Without `grants` owners and privileges are left out.
    """
    found: dict[Thing, str] = {}
    async with connection.transaction():
        # PostgreSQL then qualifies every name in the definitions that it writes.
        await connection.execute("SET LOCAL search_path = pg_catalog")
        for kind, query in (_DEFINITIONS | _GRANTS if grants else _DEFINITIONS).items():
            for name, definition in await connection.fetch(query, list(schemas)):
                found[Thing(kind, name)] = definition
    return found


def _grants(column: str, kind: str, owner: str) -> str:
    """Return the expression of a list of privileges: what nobody has changed counts as the default."""
    return f"""(
      SELECT coalesce(string_agg(g.line, ', ' ORDER BY g.line COLLATE "C"), 'none') FROM (
        SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END || ' '
          || string_agg(a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END, '+'
                        ORDER BY a.privilege_type) AS line
        FROM aclexplode(coalesce({column}, acldefault('{kind}', {owner}))) AS a GROUP BY a.grantee
      ) AS g)"""


def _no_member(catalog: str, oid: str) -> str:
    """Return the condition that no extension has brought the thing along."""
    return f"""NOT EXISTS (SELECT FROM pg_depend AS e
      WHERE e.classid = '{catalog}'::regclass AND e.objid = {oid} AND e.deptype = 'e')"""


_IN = "n.nspname = ANY ($1::text[])"
# Partitions repeat their table, and how many there are is the operator's choice.
_OWN = f"{_IN} AND NOT c.relispartition AND {_no_member('pg_class', 'c.oid')}"
_RELATIONS = f"FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {_OWN}"

_DEFINITIONS = {
    "schema": f"""
        SELECT n.nspname::text, format('comment %L', obj_description(n.oid, 'pg_namespace'))
        FROM pg_namespace AS n WHERE {_IN}""",
    "table": f"""
        SELECT format('%s.%s', n.nspname, c.relname),
          format('kind %s, persistence %s, options %s, row security %s %s, replica identity %s, partition key %s,'
                 ' comment %L',
            replace(c.relkind::text, 'p', 'r'), c.relpersistence, c.reloptions, c.relrowsecurity,
            c.relforcerowsecurity, c.relreplident,
            CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, obj_description(c.oid, 'pg_class'))
        {_RELATIONS} AND c.relkind IN ('r', 'p', 'f')""",
    "column": f"""
        SELECT format('%s.%s.%s', n.nspname, c.relname, a.attname),
          format('type %s, %s, default %s, generated %L, identity %L, collation %s, storage %s %s, statistics %s,'
                 ' comment %L',
            format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END,
            pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity,
            (SELECT o.collname FROM pg_collation AS o WHERE o.oid = a.attcollation), a.attstorage,
            a.attcompression, nullif(a.attstattarget, -1), col_description(c.oid, a.attnum))
        FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE {_OWN} AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c')
          AND a.attnum > 0 AND NOT a.attisdropped""",
    "constraint": f"""
        SELECT format('%s.%s', coalesce(nullif(o.conrelid, 0)::regclass::text, n.nspname), o.conname),
          format('%s, validated %s, comment %L', pg_get_constraintdef(o.oid), o.convalidated,
            obj_description(o.oid, 'pg_constraint'))
        FROM pg_constraint AS o JOIN pg_namespace AS n ON n.oid = o.connamespace
        LEFT JOIN pg_class AS c ON c.oid = o.conrelid
        WHERE {_IN} AND NOT coalesce(c.relispartition, false) AND o.conparentid = 0""",
    "index": f"""
        SELECT format('%s.%s', n.nspname, c.relname),
          format('%s, valid %s, ready %s, clustered %s, replica identity %s, comment %L',
            regexp_replace(pg_get_indexdef(c.oid), ' ON ONLY ', ' ON '), i.indisvalid, i.indisready,
            i.indisclustered, i.indisreplident, obj_description(c.oid, 'pg_class'))
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE {_OWN} AND NOT EXISTS (
          SELECT FROM pg_class AS t WHERE t.oid = i.indrelid AND t.relispartition)""",
    "view": f"""
        SELECT format('%s.%s', n.nspname, c.relname),
          format('kind %s, options %s, populated %s, %s, comment %L', c.relkind, c.reloptions, c.relispopulated,
            pg_get_viewdef(c.oid), obj_description(c.oid, 'pg_class'))
        {_RELATIONS} AND c.relkind IN ('v', 'm')""",
    "sequence": f"""
        SELECT format('%s.%s', n.nspname, c.relname),
          format('%s from %s by %s between %s and %s, cache %s, cycle %s, owned by %s, comment %L',
            format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
            (SELECT format('%s.%s', p.refobjid::regclass, a.attname) FROM pg_depend AS p
             JOIN pg_attribute AS a ON a.attrelid = p.refobjid AND a.attnum = p.refobjsubid
             WHERE p.classid = 'pg_class'::regclass AND p.objid = c.oid AND p.deptype IN ('a', 'i')),
            obj_description(c.oid, 'pg_class'))
        FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {_IN}""",
    "function": f"""
        SELECT p.oid::regprocedure::text,
          format('%s, comment %L',
            CASE WHEN p.prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) ELSE p.prokind::text END,
            obj_description(p.oid, 'pg_proc'))
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE {_IN} AND {_no_member("pg_proc", "p.oid")}""",
    "trigger": f"""
        SELECT format('%s.%s.%s', n.nspname, c.relname, t.tgname),
          format('%s, enabled %s, comment %L', pg_get_triggerdef(t.oid), t.tgenabled,
            obj_description(t.oid, 'pg_trigger'))
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE {_OWN} AND NOT t.tgisinternal""",
    # Those of foreign keys. Switched off, a key is still there and lets everything through.
    "disabled key": f"""
        SELECT DISTINCT format('%s.%s.%s', n.nspname, c.relname, o.conname), format('trigger %s', t.tgenabled)
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_constraint AS o ON o.oid = t.tgconstraint
        WHERE {_OWN} AND t.tgisinternal AND t.tgenabled <> 'O'""",
    "rule": f"""
        SELECT format('%s.%s.%s', n.nspname, c.relname, r.rulename),
          format('%s, enabled %s', pg_get_ruledef(r.oid), r.ev_enabled)
        FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class
        JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {_IN} AND r.rulename <> '_RETURN'""",
    "policy": f"""
        SELECT format('%s.%s.%s', n.nspname, c.relname, p.polname),
          format('%s permissive %s, roles %s, using %s, check %s', p.polcmd, p.polpermissive,
            ARRAY(SELECT CASE r WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r)::text END FROM unnest(p.polroles) AS r),
            pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
        FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {_IN}""",
    "type": f"""
        SELECT format('%s.%s', n.nspname, t.typname),
          format('kind %s, base %s, not null %s, default %s, labels %s, comment %L', t.typtype,
            CASE WHEN t.typbasetype <> 0 THEN format_type(t.typbasetype, t.typtypmod) END, t.typnotnull,
            t.typdefault, ARRAY(SELECT e.enumlabel FROM pg_enum AS e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder),
            obj_description(t.oid, 'pg_type'))
        FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
        WHERE {_IN} AND t.typelem = 0 AND t.typtype IN ('e', 'd', 'c', 'r')
          AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = t.typrelid AND c.relkind <> 'c')
          AND {_no_member("pg_type", "t.oid")}""",
    "statistics": f"""
        SELECT format('%s.%s', n.nspname, s.stxname), pg_get_statisticsobjdef(s.oid)
        FROM pg_statistic_ext AS s JOIN pg_namespace AS n ON n.oid = s.stxnamespace WHERE {_IN}""",
    # Others than those that Seda makes are nobody's concern, unless they are in its schemas.
    "extension": f"""
        SELECT e.extname::text, format('schema %s, version %s', n.nspname, e.extversion)
        FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'pg_trgm' OR (e.extname NOT IN ('pg_stat_statements', 'pgstattuple') AND {_IN})""",
}

_GRANTS = {
    "schema grants": f"""
        SELECT n.nspname::text,
          format('owner %s, %s', pg_get_userbyid(n.nspowner), {_grants("n.nspacl", "n", "n.nspowner")})
        FROM pg_namespace AS n WHERE {_IN}""",
    "grants": f"""
        SELECT format('%s.%s', n.nspname, c.relname),
          format('owner %s, %s', pg_get_userbyid(c.relowner),
            CASE WHEN c.relkind = 'S' THEN {_grants("c.relacl", "s", "c.relowner")}
            ELSE {_grants("c.relacl", "r", "c.relowner")} END)
        {_RELATIONS} AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')""",
    "column grants": f"""
        SELECT format('%s.%s.%s', n.nspname, c.relname, a.attname), {_grants("a.attacl", "c", "c.relowner")}
        FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE {_OWN} AND a.attnum > 0 AND NOT a.attisdropped AND a.attacl <> '{{}}'""",
    "function grants": f"""
        SELECT p.oid::regprocedure::text,
          format('owner %s, %s', pg_get_userbyid(p.proowner), {_grants("p.proacl", "f", "p.proowner")})
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE {_IN} AND {_no_member("pg_proc", "p.oid")}""",
    "default grants": f"""
        SELECT format('%s %s %s', pg_get_userbyid(d.defaclrole), coalesce(n.nspname, 'any schema'), d.defaclobjtype),
          (SELECT string_agg(x::text, ', ' ORDER BY x::text) FROM unnest(d.defaclacl) AS x)
        FROM pg_default_acl AS d LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
        WHERE {_IN} OR (n.oid IS NULL AND pg_get_userbyid(d.defaclrole) = ANY (
          SELECT s || '_owner' FROM unnest($1::text[]) AS s))""",
}
