"""The first journal: plans, runs, requests, actions and leases.

It spells the tables out and shares nothing with `tables.py`, which goes on changing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _plans_and_runs()
    _requests_and_actions()
    op.create_table(
        "leases",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("expires", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("site", name="pk_leases"),
    )


def _plans_and_runs() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("manifest", sa.String(), nullable=False),
        sa.Column("commit", sa.String()),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.Column("header", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
    )
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("lease", sa.String()),
        sa.Column("began_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("end", sa.String()),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("overrides", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_runs"),
        sa.UniqueConstraint("id", name="uq_runs_id"),
        sa.ForeignKeyConstraint(["plan"], ["plans.id"], name="fk_runs_plan"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_plan", "runs", ["plan"])


def _requests_and_actions() -> None:
    op.create_table(
        "requests",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sent_at", _TIME, nullable=False),
        sa.Column("answered_at", _TIME),
        sa.PrimaryKeyConstraint("run", "number", name="pk_requests"),
        sa.ForeignKeyConstraint(
            ["run"], ["runs.number"], name="fk_requests_run", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "actions",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("cause", sa.JSON(), nullable=False),
        sa.Column("requires", sa.JSON(), nullable=False),
        sa.Column("manual", sa.Boolean(), nullable=False),
        sa.Column("sees_change", sa.Boolean()),
        sa.Column("request", sa.Integer()),
        sa.Column("key", sa.String()),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String()),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger()),
        sa.Column("settled_at", _TIME),
        sa.PrimaryKeyConstraint("run", "number", name="pk_actions"),
        sa.ForeignKeyConstraint(
            ["run"], ["runs.number"], name="fk_actions_run", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_actions_run_address", "actions", ["run", "address"], unique=True)
