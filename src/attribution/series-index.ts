import { SERIES_LABELS } from "./instruments.ts";
import { OTHER } from "./semconv.ts";
import { createSeries, type Series } from "./series.ts";

/** All series, by their labels. */
export interface SeriesIndex {
  /** The one for these labels, made when there is none; the overflow when there are too many. Empty labels become `absent`. */
  find(gateway: string, route: string, backend: string, namespace: string, serviceAccount: string): Series;
  /** Every series, the overflow last. */
  all(): readonly Series[];
}

type Level<Next> = Map<string, Next>;

/** Levels of maps: a key joined of the labels would be built and hashed anew for every call. Holds at most `maxSeries` and the overflow. */
export function createSeriesIndex(maxSeries: number, absent: string): SeriesIndex {
  const routes: Level<Level<Level<Level<Level<Series>>>>> = new Map();
  const known: Series[] = [];
  const overflow = createSeries(SERIES_LABELS.map(() => OTHER));
  return {
    find(gateway, route, backend, namespace, serviceAccount) {
      const found = routes.get(route)?.get(backend)?.get(namespace)?.get(serviceAccount)?.get(gateway);
      if (found !== undefined) return found;
      if (known.length >= maxSeries) return overflow;
      const series = createSeries([gateway || absent, route || absent, backend || absent, namespace, serviceAccount]);
      known.push(series);
      opened(opened(opened(opened(routes, route), backend), namespace), serviceAccount).set(gateway, series);
      return series;
    },
    all: () => [...known, overflow],
  };
}

function opened<Next>(level: Level<Level<Next>>, key: string): Level<Next> {
  const there = level.get(key);
  if (there !== undefined) return there;
  const made: Level<Next> = new Map();
  level.set(key, made);
  return made;
}
