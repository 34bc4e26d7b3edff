"""Where the dashboard's numbers come from: the store, asked anew for each page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from proxy.canary.site import NAME as CANARY
from proxy.dashboard.known import Known, Rules, Shop, Standing
from proxy.dashboard.question import Question
from proxy.dashboard.refusals import read_refusals
from proxy.dashboard.usual import DAYS_NEEDED, usual
from proxy.delivery.clock import SystemClock
from proxy.delivery.states import read_states
from proxy.operate.desk import Desk
from proxy.report.model import Report
from proxy.report.read import read_report
from proxy.site import Site
from proxy.store.assurance import takes_writes


@dataclass(frozen=True, slots=True)
class StoreSource:
    """Reads reports at an operator's desk."""

    desk: Desk

    def rules(self) -> Rules:
        """Return how the report is kept."""
        report = self.desk.settings.report
        return Rules(report.timezone, report.keep_days, report.small_cells)

    def sites(self) -> Mapping[str, frozenset[str]]:
        """Return the names of each site's conversions."""
        return {site.name: site.conversions for site in self.desk.sites if site.name != CANARY}

    async def known(self, question: Question, today: date) -> Known:
        """Return all that a page is made of.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        (site,) = self.desk.chosen_sites(question.site)
        rules, span, before = self.rules(), question.span, question.before
        compared = None
        if before is not None and (today - before.first).days <= rules.keep_days:
            compared = await self._report(site, before.first, before.last, question.event)
        return Known(
            rules=rules,
            shop=Shop(site.name, site.conversions, {link.name: link.forwarder.title for link in site.links}),
            sites=list(self.sites()),
            today=today,
            report=await self._report(site, span.first, span.last, question.event),
            before=compared,
            standing=await self._standing(site, question, today),
        )

    async def _report(self, site: Site, first: date, last: date, event: str | None) -> Report:
        return await read_report(self.desk.store, site, self.desk.partitions, first, last, event)

    async def _standing(self, site: Site, question: Question, today: date) -> Standing:
        if question.form != "html":
            return Standing()
        yesterday = today - timedelta(1)
        past = await self._report(site, yesterday - timedelta(DAYS_NEEDED - 1), yesterday, question.event)
        states = await read_states(self.desk.store, SystemClock().now_ms())
        return Standing(
            store=await takes_writes(self.desk.store),
            states=[one for one in states if one.site == site.name],
            refusals=await read_refusals(self.desk, site, question.event),
            usual=usual(past.days, yesterday),
        )
